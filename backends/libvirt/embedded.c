/* Preparing a root for libvirt's embedded driver.
 *
 * libvirt puts QEMU's monitor socket deep into the root, and a socket's path has at most 107
 * bytes. A state directory with a long path is therefore reached through a short symbolic link in
 * /tmp; the link's name comes from the state directory's, so that the next daemon finds the same
 * one, as the paths that libvirt noted of running machines need. (The runtime directory would be
 * the finer place, but it goes when the user logs out, and machines stay.) */
#include "backends/libvirt/embedded.h"
#include "base/digest.h"
#include "base/fault.h"
#include "base/file.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/un.h>

/* The longest path of a socket that libvirt makes in its root: an id of five digits, and as much of
 * a machine's name as it takes over. */
#define LONGEST_SOCKET "/lib/qemu/domain-99999-i-0123456789abcdef01/monitor.sock"
#define ROOT_MAX (sizeof(((struct sockaddr_un *)0)->sun_path) - sizeof(LONGEST_SOCKET))
#define LINK_DIGITS 16
/* libvirt's own place for them has a path of 83 bytes, too long for most roots. */
#define AGENTS "agents"

/* No virtlogd, no security driver, no cgroups: none of it is there for an ordinary user. */
#define CONFIGURATION                                                                              \
    "# Written by cumuletd at every start.\n"                                                      \
    "stdio_handler = \"file\"\n"                                                                   \
    "security_driver = \"none\"\n"                                                                 \
    "cgroup_controllers = [ ]\n"

/* As root libvirt would hand images to another user and put QEMU in a mount namespace of its own;
 * the state directory is root's alone, so QEMU could then open nothing. */
#define CONFIGURATION_OF_ROOT                                                                      \
    "user = \"root\"\n"                                                                            \
    "group = \"root\"\n"                                                                           \
    "dynamic_ownership = 0\n"                                                                      \
    "remember_owner = 0\n"                                                                         \
    "namespaces = [ ]\n"

static bool make_link(const char *target, char **ret_link, GError **error)
{
    uint8_t hash[SHA256_SIZE];
    char digits[2 * SHA256_SIZE + 1];
    digest(DIGEST_SHA256, target, strlen(target), hash);
    hex_encode(hash, sizeof(hash), digits);
    digits[LINK_DIGITS] = '\0';

    g_autofree char *link = g_strdup_printf("/tmp/cumulet-%s", digits);
    if (symlink(target, link) < 0 && errno != EEXIST)
        return trouble_set_errno(error, errno, "cannot make %s, a short name of %s", link, target);
    /* /tmp is everybody's: a link that somebody else put there leads who knows where. */
    struct stat status;
    g_autofree char *found = g_file_read_link(link, NULL);
    if (lstat(link, &status) < 0 || status.st_uid != geteuid() || g_strcmp0(found, target) != 0)
        return trouble_set(error,
                           "%s is in the way: remove it, or choose a state directory with a "
                           "shorter path",
                           link);
    *ret_link = g_steal_pointer(&link);
    return true;
}

static bool write_configuration(const char *root, GError **error)
{
    g_autofree char *directory = g_build_filename(root, "etc", NULL);
    g_autofree char *path = g_build_filename(directory, "qemu.conf", NULL);
    g_autofree char *text =
        g_strconcat(CONFIGURATION, geteuid() == 0 ? CONFIGURATION_OF_ROOT : "", NULL);
    g_autofree char *old = NULL;
    /* Usually it is there: the start need not wait for the disk. */
    if (file_read(path, 65536, &old, NULL, NULL) && strcmp(old, text) == 0)
        return true;
    return file_make_directory(directory, error) &&
           file_write(path, text, strlen(text), 0600, error);
}

/* libvirt reads these when it is first used. Changing the environment is safe while no other thread
 * reads it, which the daemon sees to by opening its back ends before it serves. */
static void set_environment(const EmbeddedRoot *root)
{
    /* Else every "not found" that libvirt answers is also a line on our standard error. */
    if (!strpbrk(root->log_path, " \t:")) {
        g_autofree char *outputs = g_strconcat("4:file:", root->log_path, NULL);
        g_setenv("LIBVIRT_LOG_OUTPUTS", outputs, FALSE);
    } else {
        g_setenv("LIBVIRT_LOG_OUTPUTS", "4:file:/dev/null", FALSE);
    }
    /* It wants a directory of the user's, for state that we do not use; a service user's home
     * often is no place to write. */
    g_autofree char *run = g_build_filename(root->path, "run", NULL);
    const char *runtime = g_getenv("XDG_RUNTIME_DIR");
    if (!runtime || access(runtime, W_OK) < 0)
        g_setenv("XDG_RUNTIME_DIR", run, TRUE);
}

bool embedded_prepare(const char *state_dir, EmbeddedRoot *ret_root, GError **error)
{
    g_autofree char *directory = g_build_filename(state_dir, "libvirt", NULL);
    g_autofree char *logs = g_build_filename(directory, "log", NULL);
    g_autofree char *run = g_build_filename(directory, "run", NULL);
    g_autofree char *agents = g_build_filename(directory, AGENTS, NULL);
    if (!file_make_directory(logs, error) || !file_make_directory(run, error) ||
        !file_make_directory(agents, error) || !write_configuration(directory, error))
        return false;

    char *real = realpath(directory, NULL);
    if (!real)
        return trouble_set_errno(error, errno, "cannot resolve %s", directory);
    g_autofree char *path = g_strdup(real);
    free(real);
    if (strlen(path) > ROOT_MAX) {
        char *link = NULL;
        if (!make_link(path, &link, error))
            return false;
        g_free(path);
        path = link;
    }
    g_autofree char *escaped = g_uri_escape_string(path, "/", FALSE);
    ret_root->uri = g_strconcat("qemu:///embed?root=", escaped, NULL);
    ret_root->log_path = g_build_filename(path, "log", "libvirt.log", NULL);
    ret_root->agents = g_build_filename(path, AGENTS, NULL);
    ret_root->path = g_steal_pointer(&path);
    set_environment(ret_root);
    return true;
}

void embedded_clear(EmbeddedRoot *root)
{
    g_free(root->path);
    g_free(root->uri);
    g_free(root->log_path);
    g_free(root->agents);
    *root = (EmbeddedRoot){0};
}

char *embedded_machine_log(const EmbeddedRoot *root, const char *name)
{
    g_autofree char *file = g_strconcat(name, ".log", NULL);
    return g_build_filename(root->path, "log", "qemu", file, NULL);
}
