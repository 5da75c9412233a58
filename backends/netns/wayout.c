/* pasta: its command line and its life.
 *
 * Invariant: nothing of the host's loopback is reachable through it. It would translate its
 * gateway's address to 127.0.0.1 of the host: --no-map-gw switches that off, no port is forwarded
 * either way (-t -u -T -U none), and the firewall drops what guests send to its network. Only
 * dnsmasq may use WAY_OUT_DNS. */
#include "backends/netns/wayout.h"
#include "backends/netns/capabilities.h"
#include "backends/netns/rtnl.h"
#include "backends/netns/survivor.h"
#include "base/fault.h"
#include "base/file.h"
#include "base/process.h"

#include <errno.h>
#include <poll.h>
#include <string.h>
#include <sys/socket.h>

#define RECORD "pasta"
#define LOG "pasta.log"
#define LOG_MAX (64 * 1024)
#define START_TIMEOUT_MS 5000

static char *namespace_path(pid_t holder)
{
    return g_strdup_printf("/proc/%d/ns/net", (int)holder);
}

static char *record_path(const Plan *plan)
{
    return g_build_filename(plan->run_dir, RECORD, NULL);
}

typedef struct Start {
    const char *log;
    const char *netns;
    pid_t pid;
    GError *error;
    bool ok;
} Start;

/* On the worker outside: pasta's sockets are of the namespace in which it starts. */
static void start(void *data)
{
    Start *start = data;
    const char *const argv[] = {"pasta",
                                "--config-net",
                                "--quiet",
                                "--foreground",
                                "--ipv4-only",
                                "--netns",
                                start->netns,
                                "--ns-ifname",
                                WAY_OUT_LINK,
                                "--address",
                                WAY_OUT_ADDRESS,
                                "--netmask",
                                WAY_OUT_PREFIX,
                                "--gateway",
                                WAY_OUT_GATEWAY,
                                "--dns-forward",
                                WAY_OUT_DNS,
                                "--no-map-gw",
                                "--no-dhcp",
                                "--no-dhcpv6",
                                "--no-ndp",
                                "--no-ra",
                                "--tcp-ports",
                                "none",
                                "--udp-ports",
                                "none",
                                "--tcp-ns",
                                "none",
                                "--udp-ns",
                                "none",
                                NULL};
    /* It enters the namespace (SYS_ADMIN) and makes a tap there (NET_ADMIN). */
    start->ok = capabilities_pass_on(CAPABILITY(CAP_SYS_ADMIN) | CAPABILITY(CAP_NET_ADMIN),
                                     &start->error) &&
                process_start(&(ProcessSpec){.argv = argv, .log_path = start->log}, &start->pid,
                              &start->error);
    start->ok = capabilities_pass_on(0, start->ok ? &start->error : NULL) && start->ok;
}

/* Until it has set its link up, or has ended, or took too long. True when it is up. */
static bool wait_up(int rtnl, int monitor, int pidfd)
{
    int64_t deadline = g_get_monotonic_time() + START_TIMEOUT_MS * INT64_C(1000);
    struct pollfd fds[] = {{.fd = monitor, .events = POLLIN}, {.fd = pidfd, .events = POLLIN}};
    while (!rtnl_has_default_route(rtnl, WAY_OUT_LINK)) {
        char buffer[8192];
        int64_t left = (deadline - g_get_monotonic_time()) / 1000;
        if (left <= 0 || fds[1].revents != 0)
            return false;
        if (poll(fds, G_N_ELEMENTS(fds), (int)left) > 0 && fds[0].revents != 0)
            while (recv(monitor, buffer, sizeof(buffer), MSG_DONTWAIT) > 0)
                continue;
    }
    return true;
}

/* pasta's last words. */
static char *explain(const char *log)
{
    g_autofree char *text = NULL;
    if (!file_read(log, LOG_MAX, &text, NULL, NULL) || !*g_strchomp(text))
        return g_strdup("pasta ended at once");
    const char *line = strrchr(text, '\n');
    return g_strdup_printf("pasta: %s", line ? line + 1 : text);
}

static bool start_and_wait(const Plan *plan, pid_t holder, int rtnl, Worker *outside,
                           char **ret_reason, GError **error)
{
    g_autofree char *netns = namespace_path(holder);
    g_autofree char *record = record_path(plan);
    g_autofree char *log = g_build_filename(plan->run_dir, LOG, NULL);
    autofd monitor = -1;
    if (unlink(log) < 0 && errno != ENOENT)
        return trouble_set_errno(error, errno, "cannot remove %s", log);
    if (!rtnl_open_monitor(&monitor, error))
        return false;

    Start call = {.log = log, .netns = netns};
    worker_run(outside, start, &call);
    if (!call.ok) {
        *ret_reason = g_strdup(call.error->message);
        g_error_free(call.error);
        return true;
    }
    g_autofree char *reason = NULL;
    if (!survivor_record(record, call.pid, NULL)) {
        reason = explain(log);
    } else {
        autofd pidfd = survivor_watch(record);
        if (pidfd < 0 || !wait_up(rtnl, monitor, pidfd))
            reason = explain(log);
    }
    if (reason && !way_out_end(plan, holder, error))
        return false;
    *ret_reason = g_steal_pointer(&reason);
    return true;
}

bool way_out_open(const Plan *plan, pid_t holder, int rtnl, Worker *outside, char **ret_reason,
                  GError **error)
{
    if (!plan->no_outside && way_out_is_open(plan) && rtnl_has_default_route(rtnl, WAY_OUT_LINK)) {
        *ret_reason = NULL;
        return true;
    }
    if (!way_out_end(plan, holder, error) || !rtnl_remove_link(rtnl, WAY_OUT_LINK, error))
        return false;
    g_autofree char *program = process_find("pasta");
    if (plan->no_outside || !program) {
        *ret_reason = g_strdup(program ? "switched off" : "pasta is not installed");
        return true;
    }
    return start_and_wait(plan, holder, rtnl, outside, ret_reason, error);
}

bool way_out_is_open(const Plan *plan)
{
    g_autofree char *record = record_path(plan);
    return survivor_find(record) != 0;
}

bool way_out_end(const Plan *plan, pid_t holder, GError **error)
{
    g_autofree char *record = record_path(plan);
    if (!survivor_end(record, error))
        return false;
    if (holder == 0)
        return true;
    g_autofree char *netns = namespace_path(holder);
    return survivor_end_pid(survivor_search("pasta", netns), error);
}
