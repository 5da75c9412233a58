/* What runs, and what it uses.
 *
 * A tap's counters are the host's: what it sends, the guest receives. libvirt takes them as they
 * are for this type of interface, so they are swapped here. With the embedded driver they are not
 * asked of libvirt at all: it reads /proc/net/dev, which is the main thread's network namespace
 * whichever thread asks, and in the daemon the taps are in another one. */
#include "backends/libvirt/listing.h"
#include "backends/libvirt/connection.h"
#include "backends/libvirt/events.h"
#include "backends/libvirt/tap_counters.h"
#include "backends/libvirt/trouble.h"

#include <stdlib.h>
#include <string.h>

/* Sees to it that a machine is in the books, so that its end will be told. False when it has ended
 * already: libvirt lists one whose QEMU died while no daemon ran, until it has tried to reach it.
 */
static bool adopt(Hypervisor *hypervisor, Arena *arena, virDomainPtr domain)
{
    const char *name = virDomainGetName(domain);
    MachineNote note;
    if (machines_find(&hypervisor->machines, arena, name, &note))
        return true;
    char *xml = virDomainGetXMLDesc(domain, 0);
    DomainParts parts;
    bool described = xml && domain_xml_read(xml, arena, &parts, NULL);
    free(xml);
    if (!described)
        return false;
    machines_add(&hypervisor->machines, name, parts.console_path, &parts.taps, false);
    /* Had it ended before it was noted, no event would strike it off any more. */
    if (virDomainIsActive(domain) != 1) {
        machines_remove(&hypervisor->machines, name, 0);
        return false;
    }
    int state = 0, reason = 0;
    if (virDomainGetState(domain, &state, &reason, 0) == 0 && state == VIR_DOMAIN_PAUSED &&
        reason == VIR_DOMAIN_PAUSED_IOERROR)
        machines_set_stalled(&hypervisor->machines, name, true);
    return true;
}

bool listing_names(Hypervisor *hypervisor, Arena *arena, List *ret_names, GError **error)
{
    g_autoptr(virConnect) connection = NULL;
    if (!libvirt_connection_get(hypervisor, &connection, error))
        return false;
    virDomainPtr *domains = NULL;
    int n = virConnectListAllDomains(connection, &domains, VIR_CONNECT_LIST_DOMAINS_ACTIVE);
    if (n < 0)
        return libvirt_trouble(error, "cannot list the machines");
    List names = {0};
    for (int i = 0; i < n; i++) {
        if (event_domain_is_ours(domains[i]) && adopt(hypervisor, arena, domains[i]))
            list_add(&names, arena, arena_strdup(arena, virDomainGetName(domains[i])));
        virDomainFree(domains[i]);
    }
    free(domains);
    *ret_names = names;
    return true;
}

/* libvirt's "block.0.rd.bytes" is of family "block." and ends in ".rd.bytes"; those of one family
 * add up. */
typedef struct StatsField {
    const char *family, *ending;
    size_t offset;
} StatsField;

static const StatsField fields[] = {
    {"vcpu.", ".time", offsetof(MachineStats, cpu_ns)},
    {"vcpu.", ".delay", offsetof(MachineStats, wait_ns)},
    {"block.", ".rd.bytes", offsetof(MachineStats, read_bytes)},
    {"block.", ".wr.bytes", offsetof(MachineStats, write_bytes)},
    {"block.", ".rd.reqs", offsetof(MachineStats, read_ops)},
    {"block.", ".wr.reqs", offsetof(MachineStats, write_ops)},
    {"net.", ".rx.bytes", offsetof(MachineStats, tx_bytes)},
    {"net.", ".tx.bytes", offsetof(MachineStats, rx_bytes)},
    {"net.", ".rx.pkts", offsetof(MachineStats, tx_packets)},
    {"net.", ".tx.pkts", offsetof(MachineStats, rx_packets)},
};

typedef struct Answered {
    bool processors, disks;
} Answered;

static void add_parameter(MachineStats *stats, Answered *answered,
                          const virTypedParameter *parameter)
{
    if (parameter->type == VIR_TYPED_PARAM_UINT && strcmp(parameter->field, "vcpu.current") == 0)
        stats->vcpus = parameter->value.ui;
    if (parameter->type != VIR_TYPED_PARAM_ULLONG)
        return;
    for (size_t i = 0; i < G_N_ELEMENTS(fields); i++) {
        if (!g_str_has_prefix(parameter->field, fields[i].family) ||
            !g_str_has_suffix(parameter->field, fields[i].ending))
            continue;
        uint64_t *sum = (uint64_t *)((char *)stats + fields[i].offset);
        *sum += parameter->value.ul;
        answered->processors |= fields[i].offset == offsetof(MachineStats, cpu_ns);
        answered->disks |= fields[i].offset == offsetof(MachineStats, read_bytes);
    }
}

static void add_taps(Hypervisor *hypervisor, Arena *arena, const TapCounters *counters,
                     MachineStats *stats)
{
    MachineNote note;
    if (!machines_find(&hypervisor->machines, arena, stats->name, &note))
        return;
    LIST_EACH (const char *, name, &note.taps) {
        TapTraffic tap;
        if (!tap_counters_find(counters, name, &tap))
            continue;
        stats->rx_bytes += tap.tx_bytes;
        stats->tx_bytes += tap.rx_bytes;
        stats->rx_packets += tap.tx_packets;
        stats->tx_packets += tap.rx_packets;
    }
}

bool listing_stats(Hypervisor *hypervisor, Arena *arena, List *ret_stats, GError **error)
{
    g_autoptr(virConnect) connection = NULL;
    g_autoptr(TapCounters) counters = NULL;
    if (!libvirt_connection_get(hypervisor, &connection, error) ||
        (hypervisor->is_embedded && !tap_counters_read(&counters, error)))
        return false;

    unsigned kinds = VIR_DOMAIN_STATS_VCPU | VIR_DOMAIN_STATS_BLOCK;
    if (!hypervisor->is_embedded)
        kinds |= VIR_DOMAIN_STATS_INTERFACE;
    /* Not waiting: a machine that is busy starting shows what it can, and holds up nobody. */
    unsigned flags =
        VIR_CONNECT_GET_ALL_DOMAINS_STATS_ACTIVE | VIR_CONNECT_GET_ALL_DOMAINS_STATS_NOWAIT;
    virDomainStatsRecordPtr *records = NULL;
    int n = virConnectGetAllDomainStats(connection, kinds, &records, flags);
    if (n < 0)
        return libvirt_trouble(error, "cannot ask for the machines' statistics");

    List all = {0};
    for (int i = 0; i < n; i++) {
        if (!event_domain_is_ours(records[i]->dom) || !adopt(hypervisor, arena, records[i]->dom))
            continue;
        MachineStats *stats = arena_new_struct(arena, MachineStats);
        Answered answered = {0};
        stats->name = arena_strdup(arena, virDomainGetName(records[i]->dom));
        for (int j = 0; j < records[i]->nparams; j++)
            add_parameter(stats, &answered, &records[i]->params[j]);
        if (!answered.processors)
            continue;
        machines_keep_stats(&hypervisor->machines, stats, answered.disks);
        if (hypervisor->is_embedded)
            add_taps(hypervisor, arena, counters, stats);
        list_add(&all, arena, stats);
    }
    virDomainStatsRecordListFree(records);
    *ret_stats = all;
    return true;
}
