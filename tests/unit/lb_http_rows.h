/* Requests that are malformed, ambiguous or odd, and what becomes of each. For lb_http_abuse.c, and
 * by tests/lib/dump_requests.c for the comparison with another balancer. */
#pragma once

#include <stddef.h>

typedef struct Row {
    const char *what;
    const char *bytes;
    size_t n;
    unsigned status;   /* of the first answer; 0: the connection is just closed at its end */
    unsigned requests; /* that reached the back end */
    const char *seen;  /* in what the back end got of them; NULL: not looked at */
} Row;

#define BYTES(text) text, sizeof(text) - 1
#define HOST "Host: a\r\n"
#define BAD(what, text)                                                                            \
    {                                                                                              \
        what, BYTES(text), 400, 0, NULL                                                            \
    }
#define GOOD(what, text, seen)                                                                     \
    {                                                                                              \
        what, BYTES(text), 200, 1, seen                                                            \
    }
#define LINE(line) line "\r\n" HOST "\r\n"
#define FIELD(line) "GET / HTTP/1.1\r\n" HOST line "\r\n\r\n"
#define CHUNKS(text) "POST / HTTP/1.1\r\n" HOST "Transfer-Encoding: chunked\r\n\r\n" text
#define SNEAKED "GET /sneaked HTTP/1.1\r\nHost: a\r\n\r\n"

static const Row ROWS[] = {
    /* Request lines. */
    GOOD("plain", LINE("GET / HTTP/1.1"), "GET / HTTP/1.1\r\n"),
    GOOD("unknown method", LINE("BREW /pot HTTP/1.1"), "BREW /pot HTTP/1.1\r\n"),
    GOOD("method in small letters", LINE("get / HTTP/1.1"), "get / "),
    GOOD("method with token characters", LINE("M-SEARCH!#$%&'*+.^_`|~ / HTTP/1.1"), "M-SEARCH!"),
    GOOD("query", LINE("GET /a?b=c&d=%20 HTTP/1.1"), "GET /a?b=c&d=%20 HTTP"),
    GOOD("two slashes", LINE("GET //evil/ HTTP/1.1"), "GET //evil/ HTTP"),
    GOOD("dots", LINE("GET /../x HTTP/1.1"), "GET /../x HTTP"),
    GOOD("asterisk of OPTIONS", LINE("OPTIONS * HTTP/1.1"), "OPTIONS * HTTP"),
    GOOD("an empty line before", "\r\n" LINE("GET / HTTP/1.1"), "GET / "),
    BAD("asterisk of GET", LINE("GET * HTTP/1.1")),
    BAD("no target", LINE("GET HTTP/1.1")),
    BAD("no version", LINE("GET /")),
    BAD("HTTP/0.9", "GET /\r\n\r\n"),
    BAD("empty target", LINE("GET  HTTP/1.1")),
    BAD("two spaces behind the method", LINE("GET  / HTTP/1.1")),
    BAD("two spaces before the version", LINE("GET /  HTTP/1.1")),
    BAD("tab for a space", LINE("GET\t/ HTTP/1.1")),
    BAD("tab before the version", LINE("GET /\tHTTP/1.1")),
    BAD("space in the target", LINE("GET /a b HTTP/1.1")),
    BAD("space behind the version", LINE("GET / HTTP/1.1 ")),
    BAD("space before the method", LINE(" GET / HTTP/1.1")),
    BAD("version 2.0", LINE("GET / HTTP/2.0")),
    BAD("version 1.2", LINE("GET / HTTP/1.2")),
    BAD("version 1.10", LINE("GET / HTTP/1.10")),
    BAD("version 01.1", LINE("GET / HTTP/01.1")),
    BAD("version 1", LINE("GET / HTTP/1")),
    BAD("version in small letters", LINE("GET / http/1.1")),
    BAD("other protocol", LINE("GET / ICAP/1.1")),
    BAD("the preface of HTTP/2", "PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n"),
    BAD("comma in the method", LINE("GE,T / HTTP/1.1")),
    BAD("slash in the method", LINE("GE/T / HTTP/1.1")),
    BAD("no slash before the path", LINE("GET a HTTP/1.1")),
    BAD("fragment", LINE("GET /a#b HTTP/1.1")),
    BAD("NUL in the target", LINE("GET /a\0b HTTP/1.1")),
    BAD("escape character in the target", LINE("GET /\x1b HTTP/1.1")),
    BAD("DEL in the target", LINE("GET /\x7f HTTP/1.1")),
    BAD("UTF-8 in the target", LINE("GET /\xc3\xa9 HTTP/1.1")),
    BAD("CR in the target", LINE("GET /a\rb HTTP/1.1")),
    BAD("bare LF behind the request line", "GET / HTTP/1.1\n" HOST "\r\n"),
    BAD("bare LF everywhere", "GET / HTTP/1.1\nHost: a\n\n"),
    BAD("bare LF before the request", "\nGET / HTTP/1.1\r\n" HOST "\r\n"),
    BAD("bare CR for a line's end", "GET / HTTP/1.1\rHost: a\r\r\n\r\n"),
    BAD("three empty lines before", "\r\n\r\n\r\n" LINE("GET / HTTP/1.1")),
    BAD("TLS on a plain port", "\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03"),
    BAD("a proxy header", "PROXY TCP4 1.2.3.4 5.6.7.8 1 2\r\n" LINE("GET / HTTP/1.1")),
    BAD("CONNECT", "CONNECT a:443 HTTP/1.1\r\nHost: a:443\r\n\r\n"),
    BAD("CONNECT with a path", LINE("CONNECT / HTTP/1.1")),
    /* Absolute form. */
    GOOD("absolute", LINE("GET http://a/x?y HTTP/1.1"), "GET /x?y HTTP/1.1\r\n"),
    GOOD("absolute without a path", LINE("GET http://a HTTP/1.1"), "GET / HTTP/1.1\r\n"),
    GOOD("absolute with a query only", LINE("GET http://a?q HTTP/1.1"), "GET /?q HTTP/1.1\r\n"),
    GOOD("absolute in capitals", LINE("GET HTTP://A/x HTTP/1.1"), "GET /x HTTP/1.1\r\n"),
    GOOD("absolute OPTIONS", LINE("OPTIONS http://a HTTP/1.1"), "OPTIONS * HTTP/1.1\r\n"),
    BAD("absolute, another host", LINE("GET http://b/ HTTP/1.1")),
    BAD("absolute with a user", LINE("GET http://user@a/ HTTP/1.1")),
    BAD("absolute without a host", LINE("GET http:///x HTTP/1.1")),
    BAD("absolute, other scheme", LINE("GET ftp://a/x HTTP/1.1")),
    BAD("absolute with a backslash", LINE("GET http://a\\b/ HTTP/1.1")),
    /* Host. */
    BAD("no Host", "GET / HTTP/1.1\r\n\r\n"),
    BAD("two Hosts", "GET / HTTP/1.1\r\nHost: a\r\nHost: b\r\n\r\n"),
    BAD("the same Host twice", "GET / HTTP/1.1\r\nHost: a\r\nhost: a\r\n\r\n"),
    BAD("a list of Hosts", "GET / HTTP/1.1\r\nHost: a, b\r\n\r\n"),
    BAD("Host with a path", "GET / HTTP/1.1\r\nHost: a/b\r\n\r\n"),
    BAD("Host with a user", "GET / HTTP/1.1\r\nHost: u@a\r\n\r\n"),
    BAD("Host with a space", "GET / HTTP/1.1\r\nHost: a b\r\n\r\n"),
    BAD("two Hosts in HTTP/1.0", "GET / HTTP/1.0\r\nHost: a\r\nHost: b\r\n\r\n"),
    GOOD("no Host in HTTP/1.0", "GET / HTTP/1.0\r\n\r\n", "\r\nHost: 127.0.0.1:"),
    GOOD("empty Host", "GET / HTTP/1.1\r\nHost:\r\n\r\n", "\r\nHost:\r\n"),
    GOOD("Host with a port", "GET / HTTP/1.1\r\nHost: a:81\r\n\r\n", "\r\nHost: a:81\r\n"),
    GOOD("Host of IPv6", "GET / HTTP/1.1\r\nHost: [::1]:81\r\n\r\n", "\r\nHost: [::1]:81\r\n"),
    /* Fields. */
    GOOD("no space behind the colon", FIELD("X:1"), "\r\nX:1\r\n"),
    GOOD("empty value", FIELD("X:"), "\r\nX:\r\n"),
    GOOD("tabs around a value", FIELD("X:\t1\t"), "\r\nX:\t1\t\r\n"),
    GOOD("colons in a value", FIELD("X: a:b:c"), "\r\nX: a:b:c\r\n"),
    GOOD("UTF-8 in a value", FIELD("X: \xc3\xa9"), "\r\nX: \xc3\xa9\r\n"),
    GOOD("a name of one digit", FIELD("1: x"), "\r\n1: x\r\n"),
    BAD("space before the colon", FIELD("X : 1")),
    BAD("tab before the colon", FIELD("X\t: 1")),
    BAD("no colon", FIELD("X")),
    BAD("no name", FIELD(": x")),
    BAD("a name with a space", FIELD("X Y: 1")),
    BAD("a name with a bracket", FIELD("X(Y: 1")),
    BAD("a name with UTF-8", FIELD("X\xc3\xa9: 1")),
    BAD("a name with a NUL", FIELD("X\0: 1")),
    BAD("folded line", FIELD("X: 1\r\n 2")),
    BAD("folded with a tab", FIELD("X: 1\r\n\t2")),
    BAD("space before the first field", "GET / HTTP/1.1\r\n Host: a\r\n\r\n"),
    BAD("line of a space", FIELD("X: 1\r\n ")),
    BAD("NUL in a value", FIELD("X: a\0b")),
    BAD("backspace in a value", FIELD("X: a\bb")),
    BAD("DEL in a value", FIELD("X: a\x7f")),
    BAD("CR in a value", FIELD("X: a\rb")),
    BAD("two CRs at a line's end", FIELD("X: a\r")),
    BAD("bare LF in the fields", FIELD("X: a\nY: b")),
    BAD("CR LF CR X", "GET / HTTP/1.1\r\nHost: a\r\n\rX"),
    /* Lengths. */
    GOOD("length", "POST / HTTP/1.1\r\n" HOST "Content-Length: 3\r\n\r\nabc", "abc"),
    GOOD("length of 0", FIELD("Content-Length: 0"), "Content-Length: 0"),
    GOOD("length with zeros before", "POST / HTTP/1.1\r\n" HOST "Content-Length: 03\r\n\r\nabc",
         "abc"),
    GOOD("GET with a body", "GET / HTTP/1.1\r\n" HOST "Content-Length: 2\r\n\r\nab", "\r\n\r\nab"),
    BAD("two lengths", FIELD("Content-Length: 0\r\nContent-Length: 35") SNEAKED),
    BAD("the same length twice", FIELD("Content-Length: 0\r\nContent-Length: 0")),
    BAD("a list of lengths", FIELD("Content-Length: 3, 3")),
    BAD("negative length", FIELD("Content-Length: -1")),
    BAD("length with a plus", FIELD("Content-Length: +3")),
    BAD("hexadecimal length", FIELD("Content-Length: 0x3")),
    BAD("length of words", FIELD("Content-Length: three")),
    BAD("empty length", FIELD("Content-Length:")),
    BAD("fraction of a length", FIELD("Content-Length: 3.0")),
    BAD("length with a space inside", FIELD("Content-Length: 1 0")),
    BAD("length beyond 64 bits", FIELD("Content-Length: 18446744073709551617")),
    BAD("length with a NUL", FIELD("Content-Length: 3\0")),
    /* Codings. */
    BAD("length and chunks", "POST / HTTP/1.1\r\n" HOST "Content-Length: 5\r\n"
                             "Transfer-Encoding: chunked\r\n\r\n0\r\n\r\n" SNEAKED),
    BAD("chunks and length", "POST / HTTP/1.1\r\n" HOST "Transfer-Encoding: chunked\r\n"
                             "Content-Length: 5\r\n\r\n0\r\n\r\n" SNEAKED),
    BAD("chunked twice", FIELD("Transfer-Encoding: chunked\r\nTransfer-Encoding: chunked")),
    BAD("chunked, chunked", FIELD("Transfer-Encoding: chunked, chunked")),
    BAD("gzip, chunked", FIELD("Transfer-Encoding: gzip, chunked")),
    BAD("identity", FIELD("Transfer-Encoding: identity")),
    BAD("chunked and identity", FIELD("Transfer-Encoding: chunked\r\nTransfer-Encoding: identity")),
    BAD("xchunked", FIELD("Transfer-Encoding: xchunked")),
    BAD("chunked in quotes", FIELD("Transfer-Encoding: \"chunked\"")),
    BAD("chunked with a parameter", FIELD("Transfer-Encoding: chunked;q=1")),
    BAD("empty coding", FIELD("Transfer-Encoding:")),
    BAD("coding with a vertical tab", FIELD("Transfer-Encoding: \vchunked")),
    BAD("space before the coding's colon", FIELD("Transfer-Encoding : chunked")),
    BAD("chunks in HTTP/1.0", "POST / HTTP/1.0\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n"),
    GOOD("Chunked in capitals",
         "POST / HTTP/1.1\r\n" HOST "transfer-encoding: CHUNKED\r\n\r\n0\r\n\r\n", "CHUNKED"),
    GOOD("another name that looks like it", FIELD("Transfer_Encoding: chunked"), "Transfer_Enc"),
    /* Chunks. What precedes a bad one has gone to the back end, which sees no end of it. */
    GOOD("chunks", CHUNKS("3\r\nabc\r\nA\r\n0123456789\r\n0\r\n\r\n"), "3\r\nabc\r\n"),
    GOOD("chunk with zeros before", CHUNKS("0003\r\nabc\r\n000\r\n\r\n"), "0003\r\nabc"),
    GOOD("chunk with an extension", CHUNKS("3;a=b\r\nabc\r\n0\r\n\r\n"), "3;a=b\r\nabc"),
    GOOD("trailer", CHUNKS("0\r\nX-Sum: 1\r\n\r\n"), "0\r\nX-Sum: 1\r\n\r\n"),
    BAD("chunk size with 0x", CHUNKS("0x3\r\nabc\r\n0\r\n\r\n")),
    BAD("negative chunk", CHUNKS("-3\r\nabc\r\n0\r\n\r\n")),
    BAD("chunk size with a space before", CHUNKS(" 3\r\nabc\r\n0\r\n\r\n")),
    BAD("chunk size with a space behind", CHUNKS("3 \r\nabc\r\n0\r\n\r\n")),
    BAD("empty chunk size", CHUNKS("\r\nabc\r\n0\r\n\r\n")),
    BAD("chunk size beyond 64 bits", CHUNKS("10000000000000003\r\nabc\r\n0\r\n\r\n")),
    BAD("chunk size of letters", CHUNKS("xyz\r\nabc\r\n0\r\n\r\n")),
    BAD("LF behind a chunk size", CHUNKS("3\nabc\r\n0\r\n\r\n")),
    BAD("CR behind a chunk size", CHUNKS("3\rabc\r\n0\r\n\r\n")),
    BAD("LF in an extension", CHUNKS("3;a\nabc\r\n0\r\n\r\n")),
    BAD("chunk longer than its size", CHUNKS("3\r\nabcd\r\n0\r\n\r\n")),
    BAD("LF behind a chunk", CHUNKS("3\r\nabc\n0\r\n\r\n")),
    BAD("no end of line behind a chunk", CHUNKS("3\r\nabc0\r\n\r\n")),
    BAD("trailer without a colon", CHUNKS("0\r\nX\r\n\r\n")),
    BAD("folded trailer", CHUNKS("0\r\nX: 1\r\n 2\r\n\r\n")),
    BAD("trailer with LF", CHUNKS("0\r\nX: 1\n\r\n")),
    BAD("LF for the last line", CHUNKS("0\r\n\n")),
    /* Where one request ends and the next begins. */
    {"two requests", BYTES(LINE("GET /1 HTTP/1.1") LINE("GET /2 HTTP/1.1")), 200, 2, "GET /2"},
    {"a request behind a body",
     BYTES("POST / HTTP/1.1\r\n" HOST "Content-Length: 3\r\n\r\nabc" SNEAKED), 200, 2, "/sneaked"},
    {"a body that looks like a request",
     BYTES("POST / HTTP/1.1\r\n" HOST "Content-Length: 34\r\n\r\n" SNEAKED), 200, 1, "/sneaked"},
    {"a good one and a bad one", BYTES(LINE("GET / HTTP/1.1") "GET /\r\n\r\n"), 200, 1, NULL},
    {"a request behind close", BYTES("GET / HTTP/1.1\r\n" HOST "Connection: close\r\n\r\n" SNEAKED),
     200, 1, NULL},
    {"an empty line between", BYTES(LINE("GET /1 HTTP/1.1") "\r\n" LINE("GET /2 HTTP/1.1")), 200, 2,
     "GET /2"},
    {"nothing", BYTES(""), 0, 0, NULL},
    {"half a request line", BYTES("GET / HT"), 0, 0, NULL},
    {"half a head", BYTES("GET / HTTP/1.1\r\nHost: a\r\n"), 0, 0, NULL},
};
