/* From libvirt's domain events to machine events.
 *
 * What libvirt sends (QEMU 7.2, libvirt 9.0), and what it becomes:
 *
 *     STARTED                                  MACHINE_STARTED
 *     SHUTDOWN guest,  then STOPPED shutdown   MACHINE_POWERED_OFF
 *     SHUTDOWN host,   then STOPPED destroyed  MACHINE_DESTROYED
 *     SHUTDOWN host,   then STOPPED shutdown   MACHINE_CRASHED: somebody sent QEMU SIGTERM
 *                      STOPPED shutdown        MACHINE_POWERED_OFF while no daemon ran: QEMU waits,
 *                                              and ends when libvirt finds it
 *                      STOPPED failed/crashed  MACHINE_CRASHED: QEMU died, or the guest panicked
 *     SUSPENDED after an I/O error             the keeper resumes it when there is room again
 *     REBOOT (twice)                           MACHINE_REBOOTED, once
 *     CONTROL_ERROR                            QEMU's monitor is lost: the keeper ends the machine,
 *                                              whose STOPPED then is MACHINE_CRASHED
 *
 * A machine whose QEMU died while no daemon ran vanishes without an event: the keeper misses it. */
#include "backends/libvirt/events.h"
#include "backends/libvirt/keeper.h"
#include "backends/libvirt/trouble.h"

#include <unistd.h>

bool event_domain_is_ours(virDomainPtr domain)
{
    unsigned char uuid[VIR_UUID_BUFLEN];
    return virDomainGetUUID(domain, uuid) == 0 && uuid[0] == 0xec && uuid[1] >> 4 == 2;
}

MachineEventKind event_of_stop(int detail, const MachineEnd *end)
{
    if (end->broken)
        return MACHINE_CRASHED;
    if (detail == VIR_DOMAIN_EVENT_STOPPED_DESTROYED)
        return MACHINE_DESTROYED;
    if (detail == VIR_DOMAIN_EVENT_STOPPED_SHUTDOWN && !end->signalled)
        return MACHINE_POWERED_OFF;
    return MACHINE_CRASHED;
}

void event_deliver(Hypervisor *hypervisor, const char *name, MachineEventKind kind)
{
    if (!hypervisor->on_event)
        return;
    MachineEvent event = {.name = name, .kind = kind};
    G_GNUC_UNUSED g_autoptr(GMutexLocker) locker = g_mutex_locker_new(&hypervisor->delivery);
    hypervisor->on_event(hypervisor->data, &event);
}

static void machine_stopped(Hypervisor *hypervisor, const char *name, int detail)
{
    MachineEnd end = machines_stopped(&hypervisor->machines, name);
    MachineEventKind kind = event_of_stop(detail, &end);
    /* QEMU's log is of use after a crash only, and machines come and go. */
    if (hypervisor->is_embedded && kind != MACHINE_CRASHED) {
        g_autofree char *log = embedded_machine_log(&hypervisor->embedded, name);
        unlink(log);
    }
    event_deliver(hypervisor, name, kind);
}

static int on_lifecycle(virConnectPtr connection, virDomainPtr domain, int event, int detail,
                        void *opaque)
{
    Hypervisor *hypervisor = opaque;
    const char *name = virDomainGetName(domain);
    if (!event_domain_is_ours(domain))
        return 0;
    switch (event) {
    case VIR_DOMAIN_EVENT_STARTED:
        event_deliver(hypervisor, name, MACHINE_STARTED);
        break;
    case VIR_DOMAIN_EVENT_STOPPED:
        machine_stopped(hypervisor, name, detail);
        break;
    case VIR_DOMAIN_EVENT_SHUTDOWN:
        if (detail == VIR_DOMAIN_EVENT_SHUTDOWN_HOST)
            machines_set_signalled(&hypervisor->machines, name);
        break;
    case VIR_DOMAIN_EVENT_SUSPENDED:
        machines_set_stalled(&hypervisor->machines, name,
                             detail == VIR_DOMAIN_EVENT_SUSPENDED_IOERROR);
        break;
    case VIR_DOMAIN_EVENT_RESUMED:
        machines_set_stalled(&hypervisor->machines, name, false);
        break;
    default:
        break;
    }
    return 0;
}

static void on_reboot(virConnectPtr connection, virDomainPtr domain, void *opaque)
{
    Hypervisor *hypervisor = opaque;
    const char *name = virDomainGetName(domain);
    if (event_domain_is_ours(domain) && machines_note_reboot(&hypervisor->machines, name))
        event_deliver(hypervisor, name, MACHINE_REBOOTED);
}

static void on_control_error(virConnectPtr connection, virDomainPtr domain, void *opaque)
{
    Hypervisor *hypervisor = opaque;
    if (!event_domain_is_ours(domain))
        return;
    machines_set_broken(&hypervisor->machines, virDomainGetName(domain), virDomainGetID(domain));
    keeper_wake(hypervisor);
}

bool events_subscribe(Hypervisor *hypervisor, virConnectPtr connection, GError **error)
{
    const struct {
        int id;
        virConnectDomainEventGenericCallback callback;
    } wanted[CALLBACKS] = {
        {VIR_DOMAIN_EVENT_ID_LIFECYCLE, VIR_DOMAIN_EVENT_CALLBACK(on_lifecycle)},
        {VIR_DOMAIN_EVENT_ID_REBOOT, VIR_DOMAIN_EVENT_CALLBACK(on_reboot)},
        {VIR_DOMAIN_EVENT_ID_CONTROL_ERROR, VIR_DOMAIN_EVENT_CALLBACK(on_control_error)},
    };
    for (size_t i = 0; i < CALLBACKS; i++) {
        hypervisor->callbacks[i] = virConnectDomainEventRegisterAny(
            connection, NULL, wanted[i].id, wanted[i].callback, hypervisor, NULL);
        if (hypervisor->callbacks[i] < 0)
            return libvirt_trouble(error, "cannot subscribe to libvirt's events");
    }
    return true;
}

void events_unsubscribe(Hypervisor *hypervisor, virConnectPtr connection)
{
    for (size_t i = 0; i < CALLBACKS; i++) {
        if (hypervisor->callbacks[i] >= 0)
            virConnectDomainEventDeregisterAny(connection, hypervisor->callbacks[i]);
        hypervisor->callbacks[i] = -1;
    }
}
