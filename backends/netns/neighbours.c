/* The kernel's ARP table of the calling thread's network namespace. */
#include "backends/netns/neighbours.h"

#include "base/file.h"
#include <stdio.h>
#include <string.h>

#define TABLE "/proc/thread-self/net/arp"
#define TABLE_MAX (4u << 20)
#define FLAG_COMPLETE 0x2u /* ATF_COM */

/* A line is "address  hardware-type  flags  …". */
static bool line_knows(const char *line, const char *address)
{
    size_t n = strlen(address);
    unsigned type, flags;
    return strncmp(line, address, n) == 0 && line[n] == ' ' &&
           sscanf(line + n, " 0x%x 0x%x", &type, &flags) == 2 && (flags & FLAG_COMPLETE);
}

bool neighbour_is_known(const char *address, bool *ret_known, GError **error)
{
    g_autofree char *table = NULL;
    size_t size;
    if (!file_read(TABLE, TABLE_MAX, &table, &size, error))
        return false;
    bool known = false;
    for (char *line = table; line && !known; line = strchr(line, '\n')) {
        line += *line == '\n';
        known = line_knows(line, address);
    }
    *ret_known = known;
    return true;
}
