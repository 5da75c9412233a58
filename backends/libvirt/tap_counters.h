/* The traffic of the network devices in the calling thread's namespace. */
#pragma once

#include <glib.h>
#include <stdbool.h>
#include <stdint.h>

typedef struct TapCounters TapCounters;

/* As the host counts: received is what came out of the guest. */
typedef struct TapTraffic {
    uint64_t rx_bytes, rx_packets, tx_bytes, tx_packets;
} TapTraffic;

bool tap_counters_read(TapCounters **ret_counters, GError **error);
/* The same from text in the form of /proc/net/dev. Pure; NULL when it has another form. */
TapCounters *tap_counters_parse(const char *text);
void tap_counters_free(TapCounters *counters); /* NULL is fine */
G_DEFINE_AUTOPTR_CLEANUP_FUNC(TapCounters, tap_counters_free)

bool tap_counters_find(const TapCounters *counters, const char *device, TapTraffic *ret_traffic);
