/* Invariant: a file is replaced or removed only if its first line says that this command made it
 * for this cloud. */
#include "cli/dns_forwarders.h"

#include "base/fault.h"
#include "base/file.h"
#include <errno.h>
#include <string.h>
#include <sys/stat.h>

#define FILE_MAX (64 * 1024)
#define MADE_BY "# Made by 'cumulet dns install' for the cloud in "
#define OWN_DIRECTORY "# Its directory was made for it.\n"

/* ---- the three ---- */

static void format_resolved(const DnsServerFacts *facts, GString *text)
{
    g_string_append_printf(text, "[Resolve]\nDNS=%s:%u\nDomains=", facts->address, facts->port);
    LIST_EACH (const char *, domain, &facts->domains)
        g_string_append_printf(text, "%s~%s", domain_i ? " " : "", domain);
    g_string_append_c(text, '\n');
}

/* rebind-domain-ok: with stop-dns-rebind it would take addresses of the loopback for an attack. */
static void format_dnsmasq(const DnsServerFacts *facts, GString *text)
{
    LIST_EACH (const char *, domain, &facts->domains)
        g_string_append_printf(text, "server=/%s/%s#%u\nrebind-domain-ok=/%s/\n", domain,
                               facts->address, facts->port, domain);
}

static bool exists(const char *root, const char *path)
{
    g_autofree char *below = g_strconcat(root, path, NULL);
    return g_file_test(below, G_FILE_TEST_EXISTS);
}

static bool has_resolved(const char *root)
{
    return exists(root, "/run/systemd/resolve");
}

/* Whether one of the file's lines passes. */
static bool file_says(const char *path, bool (*says)(const char *line))
{
    g_autofree char *text = NULL;
    if (!file_read(path, FILE_MAX, &text, NULL, NULL))
        return false;
    g_auto(GStrv) lines = g_strsplit(text, "\n", -1);
    for (char **line = lines; *line; line++) {
        if (says(g_strstrip(*line)))
            return true;
    }
    return false;
}

/* The first of the directories' files *.conf that says so, for g_free; ours is none. */
static char *find_file(const char *root, const char *const *directories,
                       bool (*says)(const char *line))
{
    for (; *directories; directories++) {
        g_autofree char *below = g_strconcat(root, *directories, NULL);
        g_autoptr(GDir) directory = g_dir_open(below, 0, NULL);
        for (const char *name; directory && (name = g_dir_read_name(directory));) {
            g_autofree char *path = g_build_filename(below, name, NULL);
            if (g_str_has_suffix(name, ".conf") && strcmp(name, "cumulet.conf") != 0 &&
                file_says(path, says))
                return g_steal_pointer(&path);
        }
    }
    return NULL;
}

static bool names_servers(const char *line)
{
    return g_str_has_prefix(line, "DNS=") && line[strlen("DNS=")] != '\0';
}

static char *find_servers(const char *root)
{
    static const char *const directories[] = {"/etc/systemd", "/etc/systemd/resolved.conf.d",
                                              "/run/systemd/resolved.conf.d",
                                              "/usr/lib/systemd/resolved.conf.d", NULL};
    return find_file(root, directories, names_servers);
}

static bool says_dnsmasq(const char *line)
{
    return strcmp(line, "dns=dnsmasq") == 0;
}

/* Its dnsmasq runs only where it is told to. */
static bool has_network_manager(const char *root)
{
    static const char *const directories[] = {"/etc/NetworkManager", "/etc/NetworkManager/conf.d",
                                              "/usr/lib/NetworkManager/conf.d", NULL};
    if (!exists(root, "/etc/NetworkManager/dnsmasq.d"))
        return false;
    g_autofree char *path = find_file(root, directories, says_dnsmasq);
    return path != NULL;
}

static bool has_dnsmasq(const char *root)
{
    return exists(root, "/etc/dnsmasq.d");
}

const DnsForwarder dns_forwarders[] = {
    {
        .name = "systemd-resolved",
        .file = "/etc/systemd/resolved.conf.d/cumulet.conf",
        .needs = "version 246 or newer",
        .reload = {"systemctl", "restart", "systemd-resolved", NULL},
        .reload_how = "systemctl restart systemd-resolved",
        .format = format_resolved,
        .is_there = has_resolved,
        .find_obstacle = find_servers,
        .obstacle_why =
            "names DNS servers for the whole machine, with which systemd-resolved would "
            "take turns; move them to a link",
    },
    {
        .name = "NetworkManager",
        .file = "/etc/NetworkManager/dnsmasq.d/cumulet.conf",
        .needs = "with dns=dnsmasq in the section [main] of its configuration",
        .reload = {"nmcli", "general", "reload", "dns-full", NULL},
        .reload_how = "nmcli general reload dns-full",
        .format = format_dnsmasq,
        .is_there = has_network_manager,
    },
    {
        .name = "dnsmasq",
        .file = "/etc/dnsmasq.d/cumulet.conf",
        .reload = {"systemctl", "restart", "dnsmasq", NULL},
        .reload_how = "systemctl restart dnsmasq",
        .format = format_dnsmasq,
        .is_there = has_dnsmasq,
    },
    {NULL},
};

const DnsForwarder *dns_forwarder_choose(const char *root)
{
    for (const DnsForwarder *forwarder = dns_forwarders; forwarder->name; forwarder++) {
        if (forwarder->is_there(root))
            return forwarder;
    }
    return NULL;
}

const DnsForwarder *dns_forwarder_named(const char *name)
{
    for (const DnsForwarder *forwarder = dns_forwarders; forwarder->name; forwarder++) {
        if (g_ascii_strcasecmp(forwarder->name, name) == 0)
            return forwarder;
    }
    return NULL;
}

/* ---- files ---- */

/* NULL: there is none. Fails when there is one that is not this cloud's. */
static bool read_own(const char *path, const char *state_dir, char **ret_text, GError **error)
{
    g_autofree char *text = NULL;
    g_autofree char *own = g_strdup_printf(MADE_BY "%s\n", state_dir);
    struct stat status;
    if (lstat(path, &status) < 0 && errno == ENOENT) {
        *ret_text = NULL;
        return true;
    }
    if (!file_read(path, FILE_MAX, &text, NULL, error))
        return false;
    if (g_str_has_prefix(text, own)) {
        *ret_text = g_steal_pointer(&text);
        return true;
    }
    if (!g_str_has_prefix(text, MADE_BY))
        return trouble_set(error,
                           "%s is there and was not made by 'cumulet dns install'; move it "
                           "away first",
                           path);
    const char *other = text + strlen(MADE_BY);
    return trouble_set(error,
                       "%s is of another cloud; take it away first: cumulet dns remove --state "
                       "%.*s",
                       path, (int)strcspn(other, "\n"), other);
}

static bool make_directory(const char *path, bool *ret_made, GError **error)
{
    g_autofree char *directory = g_path_get_dirname(path);
    *ret_made = !g_file_test(directory, G_FILE_TEST_IS_DIR);
    return !*ret_made || g_mkdir_with_parents(directory, 0755) == 0 ||
           trouble_set_errno(error, errno, "cannot make %s", directory);
}

static bool has_own_directory(const char *text)
{
    const char *line = text ? strchr(text, '\n') : NULL;
    return line && g_str_has_prefix(line + 1, OWN_DIRECTORY);
}

bool dns_forwarder_install(Arena *arena, const DnsForwarder *forwarder, const char *root,
                           const char *state_dir, const DnsServerFacts *facts, bool *ret_changed,
                           GError **error)
{
    const char *path = arena_printf(arena, "%s%s", root, forwarder->file);
    g_autofree char *there = NULL;
    g_autoptr(GString) text = g_string_new(NULL);
    bool made;
    if (strpbrk(state_dir, "\n\r"))
        return trouble_set(error, "the state directory's name has a line break");
    if (!read_own(path, state_dir, &there, error) || !make_directory(path, &made, error))
        return false;
    g_string_append_printf(text, MADE_BY "%s\n%s", state_dir,
                           made || has_own_directory(there) ? OWN_DIRECTORY : "");
    forwarder->format(facts, text);
    *ret_changed = g_strcmp0(there, text->str) != 0;
    return !*ret_changed || file_write(path, text->str, text->len, 0644, error);
}

bool dns_forwarder_remove(Arena *arena, const DnsForwarder *forwarder, const char *root,
                          const char *state_dir, bool *ret_changed, GError **error)
{
    const char *path = arena_printf(arena, "%s%s", root, forwarder->file);
    g_autofree char *there = NULL;
    *ret_changed = false;
    /* Another's is none of ours. */
    if (!read_own(path, state_dir, &there, NULL) || !there)
        return true;
    if (unlink(path) < 0)
        return trouble_set_errno(error, errno, "cannot remove %s", path);
    *ret_changed = true;
    g_autofree char *directory = g_path_get_dirname(path);
    if (has_own_directory(there) && rmdir(directory) < 0 && errno != ENOTEMPTY && errno != EEXIST)
        return trouble_set_errno(error, errno, "cannot remove %s", directory);
    return true;
}
