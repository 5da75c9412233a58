/* The connection to libvirt.
 *
 * libvirt's event loop is one a process, however many connections there are; it runs GLib's default
 * main context, which is nobody else's in this process. It has to run before the embedded driver is
 * opened, since that waits for answers that arrive in it. */
#include "backends/libvirt/connection.h"
#include "backends/libvirt/events.h"
#include "backends/libvirt/trouble.h"
#include "base/fault.h"

#include <libxml/parser.h>

#define KEEPALIVE_SECONDS 5
#define KEEPALIVE_COUNT 5

static void ignore_error(void *data, virErrorPtr error)
{
    /* Else libvirt prints each error; they are ours to return. */
}

static void *initialise_process(void *data)
{
    xmlInitParser();
    virSetErrorFunc(NULL, ignore_error);
    return GINT_TO_POINTER(virInitialize() == 0 && virEventRegisterDefaultImpl() == 0);
}

static void stop_event_thread(int timer, void *data)
{
    Hypervisor *hypervisor = data;
    hypervisor->stopping = true;
}

static void *run_events(void *data)
{
    Hypervisor *hypervisor = data;
    if (hypervisor->enter)
        hypervisor->enter(hypervisor->data);
    while (!hypervisor->stopping && virEventRunDefaultImpl() == 0)
        continue;
    return NULL;
}

/* Called with connection_lock. */
static bool connect(Hypervisor *hypervisor, GError **error)
{
    g_autoptr(virConnect) connection = virConnectOpen(hypervisor->uri);
    if (!connection)
        return libvirt_trouble(error, "cannot connect to libvirt at %s", hypervisor->uri);
    if (!hypervisor->is_embedded)
        virConnectSetKeepAlive(connection, KEEPALIVE_SECONDS, KEEPALIVE_COUNT);
    if (!events_subscribe(hypervisor, connection, error)) {
        events_unsubscribe(hypervisor, connection);
        return false;
    }
    hypervisor->connection = g_steal_pointer(&connection);
    return true;
}

/* Called with connection_lock. */
static void disconnect(Hypervisor *hypervisor)
{
    if (!hypervisor->connection)
        return;
    events_unsubscribe(hypervisor, hypervisor->connection);
    virConnectClose(hypervisor->connection);
    hypervisor->connection = NULL;
}

bool libvirt_connection_open(Hypervisor *hypervisor, GError **error)
{
    static GOnce once = G_ONCE_INIT;
    if (!g_once(&once, initialise_process, NULL))
        return libvirt_trouble(error, "cannot initialise libvirt");

    for (size_t i = 0; i < CALLBACKS; i++)
        hypervisor->callbacks[i] = -1;
    hypervisor->stop_timer = virEventAddTimeout(-1, stop_event_thread, hypervisor, NULL);
    if (hypervisor->stop_timer < 0)
        return libvirt_trouble(error, "cannot set up libvirt's event loop");
    hypervisor->event_thread = g_thread_new("libvirt-events", run_events, hypervisor);
    G_GNUC_UNUSED g_autoptr(GMutexLocker) locker = g_mutex_locker_new(&hypervisor->connection_lock);
    return connect(hypervisor, error);
}

void libvirt_connection_close(Hypervisor *hypervisor)
{
    g_mutex_lock(&hypervisor->connection_lock);
    disconnect(hypervisor);
    g_mutex_unlock(&hypervisor->connection_lock);
    if (!hypervisor->event_thread)
        return;
    virEventUpdateTimeout(hypervisor->stop_timer, 0);
    g_thread_join(hypervisor->event_thread);
    virEventRemoveTimeout(hypervisor->stop_timer);
}

bool libvirt_connection_get(Hypervisor *hypervisor, virConnectPtr *ret_connection, GError **error)
{
    G_GNUC_UNUSED g_autoptr(GMutexLocker) locker = g_mutex_locker_new(&hypervisor->connection_lock);
    if (!hypervisor->connection)
        return trouble_set(error, "libvirt at %s went away; trying to reach it", hypervisor->uri);
    virConnectRef(hypervisor->connection);
    *ret_connection = hypervisor->connection;
    return true;
}

bool libvirt_connection_keep(Hypervisor *hypervisor, GError **error)
{
    G_GNUC_UNUSED g_autoptr(GMutexLocker) locker = g_mutex_locker_new(&hypervisor->connection_lock);
    if (hypervisor->connection && virConnectIsAlive(hypervisor->connection) != 0)
        return true;
    disconnect(hypervisor);
    return connect(hypervisor, error);
}

bool libvirt_connection_find(Hypervisor *hypervisor, const char *name, virDomainPtr *ret_domain,
                             GError **error)
{
    g_autoptr(virConnect) connection = NULL;
    if (!libvirt_connection_get(hypervisor, &connection, error))
        return false;
    g_autoptr(virDomain) domain = virDomainLookupByName(connection, name);
    if (!domain && virGetLastErrorCode() != VIR_ERR_NO_DOMAIN)
        return libvirt_trouble(error, "cannot look for machine %s", name);
    bool runs = domain && event_domain_is_ours(domain) && virDomainIsActive(domain) == 1;
    *ret_domain = runs ? g_steal_pointer(&domain) : NULL;
    return runs;
}

bool libvirt_connection_find_running(Hypervisor *hypervisor, const char *name,
                                     virDomainPtr *ret_domain, GError **error)
{
    g_autoptr(GError) problem = NULL;
    if (libvirt_connection_find(hypervisor, name, ret_domain, &problem))
        return true;
    if (!problem)
        return trouble_set(error, "machine %s does not run", name);
    g_propagate_error(error, g_steal_pointer(&problem));
    return false;
}
