/* What the process may do: see backends/privileges.h.
 *
 * Invariant: runs while the process has one thread. User ids, capabilities and user namespaces
 * belong to threads in Linux; threads made later inherit what is set up here. */
#include "backends/privileges.h"
#include "backends/netns/capabilities.h"
#include "backends/netns/holder.h"
#include "backends/netns/service_user.h"
#include "base/fault.h"
#include "base/file.h"

#include <errno.h>
#include <fcntl.h>
#include <sched.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/stat.h>

static bool is_single_threaded(void)
{
    struct stat status;
    /* One link a directory in it, and two of its own. */
    return stat("/proc/self/task", &status) == 0 && status.st_nlink == 3;
}

static bool write_map(const char *path, const char *text, GError **error)
{
    autofd fd = open(path, O_WRONLY | O_CLOEXEC);
    if (fd < 0 || write(fd, text, strlen(text)) != (ssize_t)strlen(text))
        return trouble_set_errno(error, errno,
                                 "cannot set up a user namespace (%s; not allowed here? see "
                                 "kernel.apparmor_restrict_unprivileged_userns), or start as root",
                                 path);
    return true;
}

static bool make_user_namespace(GError **error)
{
    uid_t uid = geteuid();
    gid_t gid = getegid();
    if (unshare(CLONE_NEWUSER) < 0)
        return trouble_set_errno(error, errno,
                                 "cannot make a user namespace (see user.max_user_namespaces and "
                                 "kernel.unprivileged_userns_clone), or start as root");
    g_autofree char *uid_map = g_strdup_printf("%u %u 1", uid, uid);
    g_autofree char *gid_map = g_strdup_printf("%u %u 1", gid, gid);
    return write_map("/proc/self/setgroups", "deny", error) &&
           write_map("/proc/self/uid_map", uid_map, error) &&
           write_map("/proc/self/gid_map", gid_map, error);
}

/* The holder of some network of this state, which is in the user namespace that owns them all. */
static pid_t find_any_holder(const char *run_dir)
{
    g_autoptr(GDir) networks = g_dir_open(run_dir, 0, NULL);
    if (!networks)
        return 0;
    for (const char *name; (name = g_dir_read_name(networks));) {
        g_autofree char *path = g_build_filename(run_dir, name, NULL);
        pid_t holder = holder_find(path);
        if (holder != 0)
            return holder;
    }
    return 0;
}

static bool is_own_namespace(int fd)
{
    struct stat theirs, ours;
    return fstat(fd, &theirs) == 0 && stat("/proc/self/ns/user", &ours) == 0 &&
           theirs.st_ino == ours.st_ino && theirs.st_dev == ours.st_dev;
}

static bool enter_user_namespace(const PrivilegesConfig *config, GError **error)
{
    pid_t holder = find_any_holder(config->run_dir);
    if (holder == 0)
        return make_user_namespace(error);
    autofd fd = -1;
    if (!holder_open(holder, "user", &fd, error))
        return false;
    if (!is_own_namespace(fd) && setns(fd, CLONE_NEWUSER) < 0)
        return trouble_set_errno(error, errno,
                                 "cannot enter the user namespace that process %d keeps for this "
                                 "state directory",
                                 (int)holder);
    return true;
}

static bool own_user_namespace(const PrivilegesConfig *config, GError **error)
{
    return file_make_directory(config->state_dir, error) && enter_user_namespace(config, error) &&
           capabilities_keep(CAPABILITIES_KEPT, error);
}

bool privileges_set_up(const PrivilegesConfig *config, PrivilegesKind *ret_kind, GError **error)
{
    g_assert(is_single_threaded());

    bool root = geteuid() == 0;
    if (!(root ? service_user_become(config, error) : own_user_namespace(config, error)))
        return false;
    /* Cleared by the change of user; the next daemon opens our children's /proc/PID/ns. Programs
     * without our capabilities, as QEMU, still cannot trace us. */
    if (prctl(PR_SET_DUMPABLE, 1, 0, 0, 0) < 0)
        return trouble_set_errno(error, errno, "cannot make the process visible to itself");
    *ret_kind = root ? PRIVILEGES_SERVICE_USER : PRIVILEGES_USER_NAMESPACE;
    return true;
}
