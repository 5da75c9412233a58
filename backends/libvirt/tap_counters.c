/* The traffic of network devices, from /proc/thread-self/net/dev: the calling thread's namespace,
 * where /proc/net is the main thread's. */
#include "backends/libvirt/tap_counters.h"
#include "base/fault.h"
#include "base/file.h"

#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#define DEVICES "/proc/thread-self/net/dev"
#define DEVICES_MAX ((size_t)16 * 1024 * 1024)
#define HEAD_LINES 2

struct TapCounters {
    GHashTable *devices; /* name → TapTraffic */
};

TapCounters *tap_counters_parse(const char *text)
{
    TapCounters *counters = g_new(TapCounters, 1);
    counters->devices = g_hash_table_new_full(g_str_hash, g_str_equal, g_free, g_free);
    g_auto(GStrv) lines = g_strsplit(text, "\n", -1);
    unsigned n = g_strv_length(lines);
    for (unsigned i = HEAD_LINES; i < n; i++) {
        char *colon = strrchr(lines[i], ':');
        if (!colon)
            continue;
        *colon = '\0';
        TapTraffic traffic;
        /* name: bytes packets errs drop fifo frame compressed multicast, then the same for sent */
        if (sscanf(colon + 1,
                   "%" SCNu64 " %" SCNu64 " %*u %*u %*u %*u %*u %*u %" SCNu64 " %" SCNu64,
                   &traffic.rx_bytes, &traffic.rx_packets, &traffic.tx_bytes,
                   &traffic.tx_packets) != 4) {
            tap_counters_free(counters);
            return NULL;
        }
        g_hash_table_replace(counters->devices, g_strdup(g_strstrip(lines[i])),
                             g_memdup2(&traffic, sizeof(traffic)));
    }
    return counters;
}

bool tap_counters_read(TapCounters **ret_counters, GError **error)
{
    g_autofree char *text = NULL;
    if (!file_read(DEVICES, DEVICES_MAX, &text, NULL, error))
        return false;
    TapCounters *counters = tap_counters_parse(text);
    if (!counters)
        return trouble_set(error, "%s has an unknown form", DEVICES);
    *ret_counters = counters;
    return true;
}

void tap_counters_free(TapCounters *counters)
{
    if (!counters)
        return;
    g_hash_table_unref(counters->devices);
    g_free(counters);
}

bool tap_counters_find(const TapCounters *counters, const char *device, TapTraffic *ret_traffic)
{
    const TapTraffic *traffic = g_hash_table_lookup(counters->devices, device);
    if (traffic)
        *ret_traffic = *traffic;
    return traffic != NULL;
}
