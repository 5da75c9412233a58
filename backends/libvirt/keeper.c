/* The keeper's round.
 *
 * Invariant: a machine is reported gone once. Whoever strikes it off the books (an event, or the
 * keeper when libvirt no longer lists it) reports it. */
#include "backends/libvirt/keeper.h"
#include "backends/libvirt/connection.h"
#include "backends/libvirt/console_log.h"
#include "backends/libvirt/events.h"
#include "backends/libvirt/listing.h"
#include "base/log.h"

#include <stdlib.h>

#define PERIOD (5 * G_TIME_SPAN_SECOND)
#define CONSOLE_MAX ((uint64_t)4 * 1024 * 1024)
#define CONSOLE_KEPT ((uint64_t)2 * 1024 * 1024) /* GetConsoleOutput shows the last 64 kB */
#define LOG_MAX ((uint64_t)512 * 1024)
#define LOG_KEPT ((uint64_t)128 * 1024)

/* libvirt asks QEMU what it can do when it first hears of it, which takes seconds. Asked here, the
 * first start need not wait for it, nor open(). The answer is kept in the root's cache. */
static void probe_capabilities(Hypervisor *hypervisor)
{
    g_autoptr(virConnect) connection = NULL;
    if (!libvirt_connection_get(hypervisor, &connection, NULL))
        return;
    /* What it says does not matter, and if it fails the first start will tell. */
    free(virConnectGetDomainCapabilities(connection, hypervisor->platform.emulator, "x86_64", "q35",
                                         hypervisor->platform.kvm ? "kvm" : "qemu", 0));
}

static void cap(const char *path, uint64_t max, uint64_t keep)
{
    g_autoptr(GError) error = NULL;
    if (!console_log_cap(path, max, keep, &error))
        g_warning("%s", error->message);
}

static void cap_logs(Hypervisor *hypervisor, const List *notes)
{
    LIST_EACH (const MachineNote *, note, notes) {
        if (note->console_path)
            cap(note->console_path, CONSOLE_MAX, CONSOLE_KEPT);
        if (hypervisor->is_embedded) {
            g_autofree char *log = embedded_machine_log(&hypervisor->embedded, note->name);
            cap(log, LOG_MAX, LOG_KEPT);
        }
    }
    if (hypervisor->is_embedded)
        cap(hypervisor->embedded.log_path, LOG_MAX, LOG_KEPT);
}

/* Those that were noted, and libvirt does not know any more. */
static void miss_vanished(Hypervisor *hypervisor, const List *notes, const List *running)
{
    LIST_EACH (const MachineNote *, note, notes) {
        if (note->starting || list_has(running, note->name))
            continue;
        if (machines_remove(&hypervisor->machines, note->name, note->generation).known)
            event_deliver(hypervisor, note->name, MACHINE_CRASHED);
    }
}

static void mend(Hypervisor *hypervisor, const List *notes)
{
    LIST_EACH (const MachineNote *, note, notes) {
        if (!note->broken && !note->stalled)
            continue;
        g_autoptr(virDomain) domain = NULL;
        if (!libvirt_connection_find(hypervisor, note->name, &domain, NULL))
            continue;
        /* When it fails, the next round tries again. */
        /* A new one of that name may have been started since. */
        if (note->broken && virDomainGetID(domain) == note->broken_domain)
            virDomainDestroy(domain);
        else if (note->stalled)
            virDomainResume(domain);
    }
}

static bool go_round(Hypervisor *hypervisor, GError **error)
{
    g_autoptr(Arena) arena = arena_new();
    /* The notes come first: what is noted later than libvirt was asked would seem to be missing. */
    List notes = machines_list(&hypervisor->machines, arena);
    List running = {0};
    if (!libvirt_connection_keep(hypervisor, error) ||
        !listing_names(hypervisor, arena, &running, error))
        return false;
    miss_vanished(hypervisor, &notes, &running);
    mend(hypervisor, &notes);
    cap_logs(hypervisor, &notes);
    return true;
}

/* Until the next round is due. False when the keeper has to end. */
static bool wait_for_work(Hypervisor *hypervisor)
{
    int64_t due = g_get_monotonic_time() + PERIOD;
    /* With libvirtd elsewhere the connection itself is to be looked after. */
    bool idle = hypervisor->is_embedded && machines_is_empty(&hypervisor->machines);
    G_GNUC_UNUSED g_autoptr(GMutexLocker) locker = g_mutex_locker_new(&hypervisor->keeper_lock);
    while (!hypervisor->keeper_wanted && !hypervisor->keeper_closing) {
        if (idle)
            g_cond_wait(&hypervisor->keeper_wake, &hypervisor->keeper_lock);
        else if (!g_cond_wait_until(&hypervisor->keeper_wake, &hypervisor->keeper_lock, due))
            break;
    }
    hypervisor->keeper_wanted = false;
    return !hypervisor->keeper_closing;
}

static void *keep(void *data)
{
    Hypervisor *hypervisor = data;
    if (hypervisor->enter)
        hypervisor->enter(hypervisor->data);
    probe_capabilities(hypervisor);
    g_autofree char *last = NULL;
    do {
        g_autoptr(GError) error = NULL;
        if (!go_round(hypervisor, &error) && g_strcmp0(error->message, last) != 0)
            g_warning("%s", error->message); /* nobody else hears of it; once is enough */
        g_free(last);
        last = g_strdup(error ? error->message : NULL);
    } while (wait_for_work(hypervisor));
    return NULL;
}

void keeper_start(Hypervisor *hypervisor)
{
    hypervisor->keeper = g_thread_new("machine-keeper", keep, hypervisor);
}

void keeper_stop(Hypervisor *hypervisor)
{
    if (!hypervisor->keeper)
        return;
    g_mutex_lock(&hypervisor->keeper_lock);
    hypervisor->keeper_closing = true;
    g_cond_signal(&hypervisor->keeper_wake);
    g_mutex_unlock(&hypervisor->keeper_lock);
    g_thread_join(hypervisor->keeper);
}

void keeper_wake(Hypervisor *hypervisor)
{
    G_GNUC_UNUSED g_autoptr(GMutexLocker) locker = g_mutex_locker_new(&hypervisor->keeper_lock);
    hypervisor->keeper_wanted = true;
    g_cond_signal(&hypervisor->keeper_wake);
}
