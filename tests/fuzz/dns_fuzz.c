/* The host's DNS: whatever is asked, the question is inside its bounds and the answer is a whole
 * message that repeats it. */
#include "tests/fuzz/fuzz.h"
#include "daemon/dns_packet.h"
#include <string.h>

#define HEADER_SIZE 12

static void check_answer(const DnsQuestion *question, const DnsAnswer *answer)
{
    uint8_t message[DNS_ANSWER_SIZE];
    DnsQuestion again;
    size_t size = dns_write(question, answer, message);
    g_assert(size >= HEADER_SIZE + question->section_size && size <= sizeof(message));
    g_assert((message[0] << 8 | message[1]) == question->id);
    g_assert(memcmp(message + HEADER_SIZE, question->section, question->section_size) == 0);
    /* It is an answer, so nobody is to answer it; as a question it can be read. */
    g_assert(!dns_read(message, size, &again));
    message[2] = 0;
    g_assert(dns_read(message, size, &again));
    if (question->section_size > 0) {
        g_assert(again.code == DNS_OK);
        g_assert_cmpstr(again.name, ==, question->name);
        g_assert(again.extended == question->extended);
    }
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    DnsQuestion question;
    if (!dns_read(data, size, &question))
        return 0;
    g_assert(question.section_size <= sizeof(question.section));
    g_assert(question.code != DNS_OK || question.section_size > 0);
    size_t n = strnlen(question.name, DNS_NAME_SIZE);
    g_assert(n < DNS_NAME_SIZE);
    for (size_t i = 0; question.section_size > 0 && i < n; i++)
        g_assert(g_ascii_isalnum(question.name[i]) || strchr("-_?.", question.name[i]));
    const char *dot = strrchr(question.name, '.');
    size_t domain = question.section_size > 0 && dot ? (size_t)(dot + 1 - question.name) : 0;
    check_answer(&question, &(DnsAnswer){.code = question.code});
    check_answer(&question, &(DnsAnswer){.authoritative = true,
                                         .has_address = true,
                                         .has_domain = true,
                                         .is_domain = true,
                                         .domain = domain});
    check_answer(&question,
                 &(DnsAnswer){.code = DNS_NO_SUCH_NAME, .has_domain = true, .domain = domain});
    return 0;
}
