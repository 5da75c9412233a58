/* DNS messages (RFC 1035, EDNS of RFC 6891): a question read, its answer written. Pure. */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define DNS_NAME_SIZE 256 /* of a name's text, with its end */
#define DNS_ANSWER_SIZE 512

enum {
    DNS_TYPE_A = 1,
    DNS_TYPE_SOA = 6,
    DNS_TYPE_IXFR = 251,
    DNS_TYPE_AXFR = 252,
    DNS_TYPE_ANY = 255,
};

enum { DNS_CLASS_IN = 1, DNS_CLASS_ANY = 255 };

typedef enum DnsCode {
    DNS_OK = 0,
    DNS_FORMAT_ERROR = 1,
    DNS_SERVER_FAILURE = 2,
    DNS_NO_SUCH_NAME = 3,
    DNS_NOT_IMPLEMENTED = 4,
    DNS_REFUSED = 5,
    DNS_BAD_VERSION = 16,
} DnsCode;

typedef struct DnsQuestion {
    DnsCode
        code; /* not DNS_OK: what is wrong with the message; of the rest only id and flags hold */
    uint16_t id, flags;
    uint16_t type, class;
    bool extended;            /* speaks EDNS */
    char name[DNS_NAME_SIZE]; /* without the dot at its end; labels' bytes that are no letters,
                               * digits, hyphens or underscores are question marks */
    uint8_t section[DNS_NAME_SIZE + 4]; /* as it came, to be repeated */
    size_t section_size;                /* 0: it could not be read */
} DnsQuestion;

/* False: it is to be left without an answer (shorter than a header, or an answer itself). */
bool dns_read(const uint8_t *message, size_t size, DnsQuestion *ret_question);

typedef struct DnsAnswer {
    DnsCode code;
    bool authoritative;
    bool has_address; /* one record A */
    uint32_t address; /* host byte order */
    uint32_t seconds; /* how long it may be remembered, and that there is nothing */
    /* A record SOA of the domain that begins at this place of the question's name: as answer, or
     * beside one that says that there is nothing. */
    bool has_domain, is_domain;
    size_t domain;
} DnsAnswer;

/* Its size: at most DNS_ANSWER_SIZE. */
size_t dns_write(const DnsQuestion *question, const DnsAnswer *answer,
                 uint8_t ret_message[DNS_ANSWER_SIZE]);
