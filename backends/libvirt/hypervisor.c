/* Machines by libvirt: the table of callbacks.
 *
 * Machines are transient domains: libvirt forgets them when they end, so that the only lasting
 * record is the caller's. */
#include "backends/hypervisor.h"
#include "backends/libvirt/accelerator.h"
#include "backends/libvirt/connection.h"
#include "backends/libvirt/events.h"
#include "backends/libvirt/keeper.h"
#include "backends/libvirt/listing.h"
#include "backends/libvirt/live_disks.h"
#include "backends/libvirt/trouble.h"
#include "base/fault.h"
#include "base/process.h"

#include <errno.h>
#include <stdlib.h>
#include <sys/sysinfo.h>

#define EMULATOR "qemu-system-x86_64"
#define CLEARING_DEADLINE (10 * G_TIME_SPAN_SECOND)
#define CLEARING_PAUSE (10 * G_TIME_SPAN_MILLISECOND)

static void libvirt_close(Hypervisor *hypervisor)
{
    if (!hypervisor)
        return;
    keeper_stop(hypervisor);
    libvirt_connection_close(hypervisor);
    machines_clear(&hypervisor->machines);
    disk_maker_free(hypervisor->disks);
    embedded_clear(&hypervisor->embedded);
    g_mutex_clear(&hypervisor->connection_lock);
    g_mutex_clear(&hypervisor->delivery);
    g_mutex_clear(&hypervisor->keeper_lock);
    g_cond_clear(&hypervisor->keeper_wake);
    g_free(hypervisor->accelerator_reason);
    g_free(hypervisor->emulator);
    g_free(hypervisor->uri);
    g_free(hypervisor);
}

/* "qemu+ssh://host/system" is another computer's. */
static bool is_remote(const char *uri)
{
    g_autoptr(GUri) parsed = g_uri_parse(uri, G_URI_FLAGS_NONE, NULL);
    const char *host = parsed ? g_uri_get_host(parsed) : NULL;
    return host && *host;
}

/* Another computer's processor is libvirt's to judge. */
static void ask_for_kvm(Hypervisor *hypervisor, bool force_tcg)
{
    char *capabilities = NULL;
    if (!force_tcg)
        capabilities = virConnectGetDomainCapabilities(hypervisor->connection, NULL, "x86_64",
                                                       "q35", "kvm", 0);
    hypervisor->platform.kvm = capabilities != NULL;
    hypervisor->accelerator_reason = g_strdup(capabilities ? "libvirt there offers KVM"
                                              : force_tcg  ? "the configuration asks for it"
                                                           : "libvirt there offers no KVM");
    free(capabilities);
}

static bool set_up(Hypervisor *hypervisor, const HypervisorConfig *config, GError **error)
{
    hypervisor->is_embedded = !config->uri;
    if (hypervisor->is_embedded) {
        if (!embedded_prepare(config->state_dir, &hypervisor->embedded, error))
            return false;
        hypervisor->uri = g_strdup(hypervisor->embedded.uri);
        hypervisor->platform.agents = hypervisor->embedded.agents;
        /* Not there: libvirt looks itself, and the first start says what is missing. */
        hypervisor->emulator = process_find(EMULATOR);
        hypervisor->platform.emulator = hypervisor->emulator;
    } else {
        hypervisor->uri = g_strdup(config->uri);
    }
    bool remote = is_remote(hypervisor->uri);
    if (!remote)
        hypervisor->platform.kvm =
            accelerator_detect(config->force_tcg, &hypervisor->accelerator_reason);
    if (!libvirt_connection_open(hypervisor, error))
        return false;
    if (remote)
        ask_for_kvm(hypervisor, config->force_tcg);
    keeper_start(hypervisor);
    return true;
}

static bool libvirt_open(const HypervisorConfig *config, Hypervisor **ret_hypervisor,
                         GError **error)
{
    Hypervisor *hypervisor = g_new0(Hypervisor, 1);
    hypervisor->enter = config->enter;
    hypervisor->on_event = config->on_event;
    hypervisor->data = config->data;
    hypervisor->disks = disk_maker_new(config->state_dir);
    machines_init(&hypervisor->machines);
    g_mutex_init(&hypervisor->connection_lock);
    g_mutex_init(&hypervisor->delivery);
    g_mutex_init(&hypervisor->keeper_lock);
    g_cond_init(&hypervisor->keeper_wake);
    if (!set_up(hypervisor, config, error)) {
        libvirt_close(hypervisor);
        return false;
    }
    *ret_hypervisor = hypervisor;
    return true;
}

/* libvirt adds up the memory of NUMA nodes, which misses what a virtual host was given later; so of
 * this computer the kernel is asked. */
static bool measure_host(Hypervisor *hypervisor, HypervisorInfo *info, GError **error)
{
    g_autoptr(virConnect) connection = NULL;
    virNodeInfo node;
    struct sysinfo host;
    if (!is_remote(hypervisor->uri)) {
        if (sysinfo(&host) < 0)
            return trouble_set_errno(error, errno, "cannot ask for the host's memory");
        info->cpus = g_get_num_processors();
        info->memory_mib = (uint64_t)host.totalram * host.mem_unit / (1024 * 1024);
        return true;
    }
    if (!libvirt_connection_get(hypervisor, &connection, error))
        return false;
    if (virNodeGetInfo(connection, &node) < 0)
        return libvirt_trouble(error, "cannot ask about the host");
    info->cpus = node.cpus;
    info->memory_mib = node.memory / 1024;
    return true;
}

static bool libvirt_describe(Hypervisor *hypervisor, Arena *arena, HypervisorInfo *ret_info,
                             GError **error)
{
    HypervisorInfo info = {
        .backend = "libvirt",
        .accelerator = hypervisor->platform.kvm ? "kvm" : "tcg",
        .reason = arena_strdup(arena, hypervisor->accelerator_reason),
        .uri = arena_strdup(arena, hypervisor->uri),
    };
    if (!measure_host(hypervisor, &info, error))
        return false;
    *ret_info = info;
    return true;
}

static bool libvirt_create_disk(Hypervisor *hypervisor, const char *path, const char *base_path,
                                const char *base_format, uint64_t size_bytes, GError **error)
{
    return disk_create(hypervisor->disks, path, base_path, base_format, size_bytes, error);
}

static bool libvirt_resize_disk(Hypervisor *hypervisor, const char *path, uint64_t size_bytes,
                                GError **error)
{
    return disk_resize(path, size_bytes, error);
}

static bool libvirt_convert_disk(Hypervisor *hypervisor, const char *path, const char *format,
                                 const char *new_path, const char *new_format, GError **error)
{
    return disk_convert(hypervisor->disks, path, format, new_path, new_format, error);
}

static bool libvirt_read_disk(Hypervisor *hypervisor, const char *path, const char *format,
                              void *buffer, size_t size, GError **error)
{
    return disk_read(hypervisor->disks, path, format, buffer, size, error);
}

/* True with a domain, or with none: then there is no such machine. */
static bool find(Hypervisor *hypervisor, const char *name, virDomainPtr *ret_domain, GError **error)
{
    g_autoptr(GError) problem = NULL;
    if (libvirt_connection_find(hypervisor, name, ret_domain, &problem) || !problem)
        return true;
    g_propagate_error(error, g_steal_pointer(&problem));
    return false;
}

static bool libvirt_is_running(Hypervisor *hypervisor, const char *name, bool *ret_running,
                               GError **error)
{
    g_autoptr(virDomain) domain = NULL;
    if (!find(hypervisor, name, &domain, error))
        return false;
    *ret_running = domain != NULL;
    return true;
}

static bool create(Hypervisor *hypervisor, const char *name, const char *xml, GError **error)
{
    g_autoptr(virConnect) connection = NULL;
    if (!libvirt_connection_get(hypervisor, &connection, error))
        return false;
    /* libvirt lists a machine no longer while its thread still clears it away, and tells nobody
     * when that is done. */
    g_autoptr(virDomain) domain = NULL;
    for (int64_t deadline = g_get_monotonic_time() + CLEARING_DEADLINE;;) {
        domain = virDomainCreateXML(connection, xml, 0);
        if (domain || !libvirt_says_clearing() || g_get_monotonic_time() >= deadline)
            break;
        g_usleep(CLEARING_PAUSE);
    }
    if (!domain)
        return libvirt_trouble(error, "cannot start machine %s", name);
    return true;
}

/* QEMU was started, but not yet its processors, when an earlier daemon was killed: libvirt shows
 * such a machine and ends it soon after it has found it, maybe since it was asked for. */
static bool is_half_started(virDomainPtr domain)
{
    int state, reason;
    if (virDomainGetState(domain, &state, &reason, 0) < 0)
        return libvirt_says_gone();
    return state == VIR_DOMAIN_SHUTOFF ||
           (state == VIR_DOMAIN_PAUSED && reason == VIR_DOMAIN_PAUSED_STARTING_UP);
}

/* Whether it runs already; what was only half started is gone then. */
static bool settle_running(Hypervisor *hypervisor, const char *name, bool *ret_running,
                           GError **error)
{
    int64_t deadline = g_get_monotonic_time() + CLEARING_DEADLINE;
    for (;;) {
        g_autoptr(virDomain) domain = NULL;
        if (!find(hypervisor, name, &domain, error))
            return false;
        if (!domain || !is_half_started(domain)) {
            *ret_running = domain != NULL;
            return true;
        }
        if (virDomainDestroy(domain) < 0 && !libvirt_says_gone())
            return libvirt_trouble(error, "cannot end machine %s, whose start was broken off",
                                   name);
        if (g_get_monotonic_time() >= deadline)
            return trouble_set(error, "machine %s, whose start was broken off, does not end", name);
        g_usleep(CLEARING_PAUSE);
    }
}

static bool libvirt_start(Hypervisor *hypervisor, const MachineSpec *spec, GError **error)
{
    bool running = false;
    g_autofree char *xml = NULL;
    if (!settle_running(hypervisor, spec->name, &running, error))
        return false;
    if (running)
        return true;
    if (!domain_xml_write(spec, &hypervisor->platform, &xml, error))
        return false;

    g_autoptr(Arena) arena = arena_new();
    List taps = {0};
    LIST_EACH (const MachineNic *, nic, &spec->nics)
        list_add(&taps, arena, nic->tap);
    /* Noted before it runs, so that its end cannot come first. */
    machines_add(&hypervisor->machines, spec->name, spec->console_path, &taps, true);
    bool started = create(hypervisor, spec->name, xml, error);
    if (started)
        machines_started(&hypervisor->machines, spec->name);
    else
        machines_remove(&hypervisor->machines, spec->name, 0);
    keeper_wake(hypervisor);
    return started;
}

static bool libvirt_press_power(Hypervisor *hypervisor, const char *name, GError **error)
{
    g_autoptr(virDomain) domain = NULL;
    if (!find(hypervisor, name, &domain, error))
        return false;
    if (!domain || virDomainShutdownFlags(domain, VIR_DOMAIN_SHUTDOWN_ACPI_POWER_BTN) == 0 ||
        libvirt_says_gone())
        return true;
    return libvirt_trouble(error, "cannot press the power button of machine %s", name);
}

static bool libvirt_reboot(Hypervisor *hypervisor, const char *name, GError **error)
{
    g_autoptr(virDomain) domain = NULL;
    if (!libvirt_connection_find_running(hypervisor, name, &domain, error))
        return false;
    /* QEMU has no button for it: libvirt presses the power button and resets the machine when the
     * guest has shut down. */
    if (virDomainReboot(domain, VIR_DOMAIN_REBOOT_ACPI_POWER_BTN) < 0)
        return libvirt_trouble(error, "cannot reboot machine %s", name);
    return true;
}

static bool libvirt_reset(Hypervisor *hypervisor, const char *name, GError **error)
{
    g_autoptr(virDomain) domain = NULL;
    if (!libvirt_connection_find_running(hypervisor, name, &domain, error))
        return false;
    if (virDomainReset(domain, 0) < 0)
        return libvirt_trouble(error, "cannot reset machine %s", name);
    return true;
}

static bool libvirt_destroy(Hypervisor *hypervisor, const char *name, GError **error)
{
    g_autoptr(virDomain) domain = NULL;
    if (!find(hypervisor, name, &domain, error))
        return false;
    if (!domain || virDomainDestroy(domain) == 0 || libvirt_says_gone())
        return true;
    return libvirt_trouble(error, "cannot end machine %s", name);
}

const HypervisorOps hypervisor_libvirt = {
    .name = "libvirt",
    .open = libvirt_open,
    .close = libvirt_close,
    .describe = libvirt_describe,
    .create_disk = libvirt_create_disk,
    .resize_disk = libvirt_resize_disk,
    .read_disk = libvirt_read_disk,
    .convert_disk = libvirt_convert_disk,
    .attach_disk = live_disks_attach,
    .detach_disk = live_disks_detach,
    .grow_disk = live_disks_grow,
    .fork_disks = live_disks_fork,
    .start = libvirt_start,
    .press_power = libvirt_press_power,
    .reboot = libvirt_reboot,
    .reset = libvirt_reset,
    .destroy = libvirt_destroy,
    .is_running = libvirt_is_running,
    .list = listing_names,
    .stats = listing_stats,
};
