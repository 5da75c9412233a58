/* From root to the service user.
 *
 * Invariant: after service_user_become() has returned true, no id of the process is 0, and the
 * bounding set is CAPABILITIES_KEPT: no program it starts, setuid ones included, gets more. */
#include "backends/netns/service_user.h"
#include "backends/netns/capabilities.h"
#include "base/fault.h"
#include "base/file.h"
#include "base/process.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <grp.h>
#include <pwd.h>
#include <sched.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mount.h>
#include <sys/prctl.h>
#include <sys/stat.h>
#include <sys/sysmacros.h>

#define FALLBACK_USER "nobody"
#define TUN_DEVICE "/dev/net/tun"
#define TUN_MAJOR 10
#define TUN_MINOR 200
#define KVM_DEVICE "/dev/kvm"
#define MAX_GROUPS 2

typedef struct User {
    char *name;
    uid_t uid;
    gid_t gid;
} User;

static void user_clear(User *user)
{
    g_free(user->name);
}
G_DEFINE_AUTO_CLEANUP_CLEAR_FUNC(User, user_clear)

static bool find_user(const char *name, User *user)
{
    const struct passwd *entry = getpwnam(name);
    if (!entry || entry->pw_uid == 0)
        return false;
    *user = (User){g_strdup(name), entry->pw_uid, entry->pw_gid};
    return true;
}

static bool find_or_make_user(const char *name, User *user, GError **error)
{
    if (find_user(name, user))
        return true;
    const char *const argv[] = {"useradd",    "--system",     "--user-group", "--no-create-home",
                                "--home-dir", "/nonexistent", "--shell",      "/usr/sbin/nologin",
                                "--comment",  "Cumulet",      name,           NULL};
    /* A failure (no useradd, a read-only /etc) is no trouble as long as there is "nobody". */
    if (process_run(&(ProcessSpec){.argv = argv}, NULL, NULL) && find_user(name, user))
        return true;
    if (find_user(FALLBACK_USER, user))
        return true;
    return trouble_set(error, "there is neither a user '%s' nor '%s' to run as: make one (useradd)",
                       name, FALLBACK_USER);
}

static bool is_empty(int fd)
{
    DIR *directory = fdopendir(dup(fd));
    if (!directory)
        return false;
    bool empty = true;
    for (const struct dirent *entry; empty && (entry = readdir(directory));)
        empty = g_str_equal(entry->d_name, ".") || g_str_equal(entry->d_name, "..");
    rewinddir(directory);
    closedir(directory);
    return empty;
}

/* `--state-dir /var` must not give /var away. A state directory is new, or the service user's
 * already, or is closed to others and has a run directory, as only ours do. */
static bool may_take_over(int fd, const struct stat *status, const PrivilegesConfig *config,
                          const User *user)
{
    struct stat run;
    if (status->st_uid == user->uid || is_empty(fd))
        return true;
    return (status->st_mode & 07777) == 0700 && lstat(config->run_dir, &run) == 0 &&
           S_ISDIR(run.st_mode);
}

/* A file with a second name may be somebody else's file that was linked into here. */
static bool is_foreign(const struct stat *status)
{
    return !S_ISDIR(status->st_mode) && status->st_nlink > 1;
}

/* Takes fd over. Never follows a link, stays in the file system. */
static bool hand_over_tree(int fd, dev_t device, const User *user)
{
    DIR *directory = fdopendir(fd);
    if (!directory) {
        close(fd);
        return false;
    }
    bool ok = true;
    for (const struct dirent *entry; ok && (entry = readdir(directory));) {
        const char *name = entry->d_name;
        struct stat status;
        if (g_str_equal(name, ".") || g_str_equal(name, ".."))
            continue;
        if (fstatat(fd, name, &status, AT_SYMLINK_NOFOLLOW) < 0) {
            ok = errno == ENOENT;
            continue;
        }
        if (status.st_dev != device || is_foreign(&status))
            continue;
        if (status.st_uid != user->uid || status.st_gid != user->gid)
            ok = fchownat(fd, name, user->uid, user->gid, AT_SYMLINK_NOFOLLOW) == 0 ||
                 errno == ENOENT;
        if (ok && S_ISDIR(status.st_mode)) {
            int child = openat(fd, name, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
            ok = child >= 0 ? hand_over_tree(child, device, user) : errno == ENOENT;
        }
    }
    int errnum = errno;
    closedir(directory);
    errno = errnum;
    return ok;
}

static bool hand_over_state(const PrivilegesConfig *config, const User *user, GError **error)
{
    if (!file_make_directory(config->state_dir, error))
        return false;
    autofd fd = open(config->state_dir, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    struct stat status;
    if (fd < 0 || fstat(fd, &status) < 0)
        return trouble_set_errno(error, errno, "cannot open %s", config->state_dir);
    if (!may_take_over(fd, &status, config, user))
        return trouble_set(error,
                           "%s has other things in it: name a new or empty directory as the state "
                           "directory",
                           config->state_dir);
    if (fchown(fd, user->uid, user->gid) < 0 || fchmod(fd, 0700) < 0 ||
        !hand_over_tree(fd_steal(&fd), status.st_dev, user))
        return trouble_set_errno(error, errno, "cannot hand %s to user %s", config->state_dir,
                                 user->name);
    return true;
}

/* Whether the device's mode lets the user in, perhaps by a group, which is then added. */
static bool may_use(const char *device, const User *user, gid_t groups[MAX_GROUPS], size_t *n)
{
    struct stat status;
    if (stat(device, &status) < 0)
        return false;
    if ((status.st_mode & 06) == 06 || status.st_uid == user->uid)
        return true;
    if ((status.st_mode & 060) != 060 || status.st_gid == 0)
        return false;
    groups[(*n)++] = status.st_gid;
    return true;
}

/* Where nothing like udev has opened /dev/net/tun to everybody, the daemon and its children see
 * one of their own, in a mount namespace; the host's stays as it is. Mounts that the host makes
 * later still appear. */
static bool make_own_tun(const User *user, GError **error)
{
    if (unshare(CLONE_NEWNS) < 0 || mount(NULL, "/", NULL, MS_REC | MS_SLAVE, NULL) < 0 ||
        mount("tmpfs", "/dev/net", "tmpfs", MS_NOSUID | MS_NOEXEC, "mode=0755,size=64k") < 0 ||
        mknod(TUN_DEVICE, S_IFCHR | 0600, makedev(TUN_MAJOR, TUN_MINOR)) < 0 ||
        chown(TUN_DEVICE, user->uid, user->gid) < 0)
        return trouble_set_errno(error, errno,
                                 "user %s cannot use " TUN_DEVICE " (chmod 0666 " TUN_DEVICE
                                 " helps, as udev would)",
                                 user->name);
    return true;
}

static bool drop_bounding_set(GError **error)
{
    for (int number = 0; prctl(PR_CAPBSET_READ, number, 0, 0, 0) >= 0; number++) {
        bool kept = number < 32 && (CAPABILITIES_KEPT & CAPABILITY(number));
        if (!kept && prctl(PR_CAPBSET_DROP, number, 0, 0, 0) < 0)
            return trouble_set_errno(error, errno, "cannot drop capability %d", number);
    }
    return true;
}

static bool become(const User *user, const gid_t *groups, size_t n_groups, GError **error)
{
    if (!drop_bounding_set(error))
        return false;
    if (prctl(PR_SET_KEEPCAPS, 1, 0, 0, 0) < 0 || setgroups(n_groups, groups) < 0 ||
        setresgid(user->gid, user->gid, user->gid) < 0 ||
        setresuid(user->uid, user->uid, user->uid) < 0)
        return trouble_set_errno(error, errno, "cannot become user %s", user->name);
    return capabilities_keep(CAPABILITIES_KEPT, error);
}

/* libvirt and QEMU look at these; root's must not lead them to root's files. */
static void set_environment(const PrivilegesConfig *config, const User *user)
{
    static const char *const roots[] = {"XDG_RUNTIME_DIR", "XDG_CONFIG_HOME", "XDG_CACHE_HOME",
                                        "XDG_DATA_HOME", "XDG_STATE_HOME"};
    for (size_t i = 0; i < G_N_ELEMENTS(roots); i++)
        unsetenv(roots[i]);
    setenv("HOME", config->state_dir, 1);
    setenv("USER", user->name, 1);
    setenv("LOGNAME", user->name, 1);
}

/* After the change: names the first directory on the way that is closed. */
static bool check_way(const char *state_dir, const User *user, GError **error)
{
    if (faccessat(AT_FDCWD, state_dir, R_OK | W_OK | X_OK, AT_EACCESS) == 0)
        return true;
    int errnum = errno;
    g_autofree char *path = g_canonicalize_filename(state_dir, NULL);
    g_autofree char *closed = g_strdup(path);
    for (char *slash = strchr(path + 1, '/'); slash; slash = strchr(slash + 1, '/')) {
        g_autofree char *parent = g_strndup(path, (size_t)(slash - path));
        if (faccessat(AT_FDCWD, parent, X_OK, AT_EACCESS) < 0) {
            g_free(closed);
            closed = g_steal_pointer(&parent);
            break;
        }
    }
    return trouble_set_errno(error, errnum,
                             "user %s, whom the daemon becomes, cannot reach the state directory "
                             "%s because %s is closed to it: choose another one (for instance "
                             "/var/lib/cumulet) or chmod o+x %s",
                             user->name, state_dir, closed, closed);
}

bool service_user_become(const PrivilegesConfig *config, GError **error)
{
    g_auto(User) user = {0};
    gid_t groups[MAX_GROUPS];
    size_t n_groups = 0;
    if (!find_or_make_user(config->service_user, &user, error) ||
        !hand_over_state(config, &user, error))
        return false;
    if (!may_use(TUN_DEVICE, &user, groups, &n_groups) && !make_own_tun(&user, error))
        return false;
    /* Without it guests are only slower. */
    may_use(KVM_DEVICE, &user, groups, &n_groups);
    if (!become(&user, groups, n_groups, error) || !check_way(config->state_dir, &user, error))
        return false;
    set_environment(config, &user);
    return true;
}
