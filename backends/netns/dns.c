/* dnsmasq: its configuration, its files, its life.
 *
 * An interface is two files: <run_dir>/dhcp.d/ID (MAC, address, name) and <run_dir>/dns.d/ID (as
 * /etc/hosts). dnsmasq sees new ones by inotify; they are renamed into place, so it never reads a
 * part of one. All other names are in one file, <run_dir>/names, that it reads when it is told to;
 * it answers nobody meanwhile, and everybody after. Invariant: leases are a cache. dnsmasq would
 * refuse an address that an earlier MAC still holds, so an interface that goes gives its lease back
 * (dns_remove), and a new dnsmasq starts with none: being authoritative, it renews what the files
 * allow. */
#include "backends/netns/dns.h"
#include "backends/netns/survivor.h"
#include "base/fault.h"
#include "base/file.h"
#include "base/process.h"

#include <arpa/inet.h>
#include <errno.h>
#include <pwd.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>

#define DHCP_FILES "dhcp.d"
#define DNS_FILES "dns.d"
#define CONFIG "dnsmasq.conf"
#define RECORD "dnsmasq"
#define LEASES "leases"
#define NAMES "names"
#define NAMES_MAX (64 * 1024 * 1024)
#define CONFIG_MAX (1024 * 1024)
#define FILE_MAX 1024
#define START_TIMEOUT_MS 10000

/* Its limit of leases is 1,000 unless told otherwise. */
#define FIXED_PART                                                                                 \
    "interface=" BRIDGE "\n"                                                                       \
    "except-interface=lo\n"                                                                        \
    "bind-interfaces\n"                                                                            \
    "no-hosts\n"                                                                                   \
    "no-resolv\n"                                                                                  \
    "bogus-priv\n"                                                                                 \
    "domain-needed\n"                                                                              \
    "dhcp-authoritative\n"                                                                         \
    "dhcp-no-override\n"                                                                           \
    "dhcp-rapid-commit\n"                                                                          \
    "dhcp-fqdn\n"                                                                                  \
    "dhcp-lease-max=65536\n"                                                                       \
    "no-ping\n"                                                                                    \
    "quiet-dhcp\n"                                                                                 \
    "log-facility=/dev/null\n"                                                                     \
    "pid-file=\n"

static char *path_of(const Plan *plan, const char *directory, const char *name)
{
    return g_build_filename(plan->run_dir, directory, name, NULL);
}

static char *own_user_name(void)
{
    const struct passwd *entry = getpwuid(geteuid());
    /* Only has to exist: dnsmasq changes its user only when it is root. */
    return g_strdup(entry ? entry->pw_name : "nobody");
}

static void append_subnet(const Plan *plan, size_t i, GString *text)
{
    char network[IPV4_TEXT_SIZE], mask[IPV4_TEXT_SIZE], router[IPV4_TEXT_SIZE];
    ipv4_format(plan->subnets[i].network, network);
    ipv4_format(ipv4_mask(plan->subnets[i]), mask);
    ipv4_format(plan_router(plan, i), router);
    g_string_append_printf(text,
                           "dhcp-range=set:s%zu,%s,static,%s,infinite\n"
                           "dhcp-option=tag:s%zu,option:router,%s\n"
                           "dhcp-option=tag:s%zu,option:dns-server,%s\n"
                           "dhcp-option=tag:s%zu,option:classless-static-route," METADATA_ADDRESS
                           "/32,%s,0.0.0.0/0,%s\n",
                           i, network, mask, i, router, i, router, i, router, router);
}

static char *format_config(const Plan *plan, bool outside)
{
    GString *text = g_string_new(FIXED_PART);
    char router[IPV4_TEXT_SIZE];
    g_autofree char *user = own_user_name();
    ipv4_format(plan_router(plan, 0), router);
    g_string_append_printf(text,
                           "user=%s\n"
                           "domain=%s\n"
                           "local=/%s/\n"
                           "dhcp-hostsdir=%s/" DHCP_FILES "\n"
                           "hostsdir=%s/" DNS_FILES "\n"
                           "dhcp-leasefile=%s/" LEASES "\n"
                           "addn-hosts=%s/" NAMES "\n",
                           user, plan->domain, plan->domain, plan->run_dir, plan->run_dir,
                           plan->run_dir, plan->run_dir);
    if (plan->names_domain)
        g_string_append_printf(text, "local=/%s/\n", plan->names_domain);
    for (size_t i = 0; i < plan->n_subnets; i++)
        append_subnet(plan, i, text);
    /* local: other types of record (AAAA) have no answer, rather than one from outside. */
    LIST_EACH (const char *, name, &plan->endpoint_names)
        g_string_append_printf(text, "address=/%s/%s\nlocal=/%s/\n", name, router, name);
    if (outside)
        g_string_append(text, "server=" WAY_OUT_DNS "\n");
    return g_string_free(text, FALSE);
}

static char *config_argument(const Plan *plan)
{
    return g_strdup_printf("--conf-file=%s/" CONFIG, plan->run_dir);
}

/* Returns once it serves: its first process ends when the one in the background is ready, or
 * says what is wrong. */
static bool start(const Plan *plan, GError **error)
{
    g_autofree char *leases = path_of(plan, LEASES, NULL);
    g_autofree char *record = path_of(plan, RECORD, NULL);
    g_autofree char *config = config_argument(plan);
    const char *const argv[] = {"dnsmasq", config, NULL};
    if (unlink(leases) < 0 && errno != ENOENT)
        return trouble_set_errno(error, errno, "cannot remove %s", leases);
    if (!process_run(&(ProcessSpec){.argv = argv, .timeout_ms = START_TIMEOUT_MS}, NULL, error))
        return false;
    pid_t pid = survivor_search("dnsmasq", config);
    if (pid == 0)
        return trouble_set(error, "dnsmasq ended at once (configuration: %s/" CONFIG ")",
                           plan->run_dir);
    return survivor_record(record, pid, error);
}

bool dns_end(const Plan *plan, GError **error)
{
    g_autofree char *record = path_of(plan, RECORD, NULL);
    g_autofree char *config = config_argument(plan);
    return survivor_end(record, error) &&
           survivor_end_pid(survivor_search("dnsmasq", config), error);
}

bool dns_ensure(const Plan *plan, GError **error)
{
    g_autofree char *record = path_of(plan, RECORD, NULL);
    if (survivor_find(record) != 0)
        return true;
    /* One that was started but not recorded would hold the ports. */
    return dns_end(plan, error) && start(plan, error);
}

/* Renamed into the directory from beside it. A file that says the same stays, since dnsmasq reads
 * each new one. */
static bool place(const Plan *plan, const char *directory, const char *name, const char *text,
                  GError **error)
{
    g_autofree char *temporary = path_of(plan, "new", NULL);
    g_autofree char *path = path_of(plan, directory, name);
    g_autofree char *there = NULL;
    if (file_read(path, FILE_MAX, &there, NULL, NULL) && g_str_equal(there, text))
        return true;
    if (!g_file_set_contents_full(temporary, text, -1, G_FILE_SET_CONTENTS_NONE, 0600, error))
        return false;
    if (rename(temporary, path) < 0)
        return trouble_set_errno(error, errno, "cannot make %s", path);
    return true;
}

static bool place_files(const Plan *plan, const Nic *nic, GError **error)
{
    char address[IPV4_TEXT_SIZE];
    ipv4_format(nic->address, address);
    g_autofree char *lease =
        g_strdup_printf("%s,%s,%s,infinite\n", nic->mac, address, nic->hostname);
    g_autofree char *host =
        g_strdup_printf("%s %s.%s %s\n", address, nic->hostname, plan->domain, nic->hostname);
    return place(plan, DHCP_FILES, nic->id, lease, error) &&
           place(plan, DNS_FILES, nic->id, host, error);
}

bool dns_add(const Plan *plan, const Nic *nic, GError **error)
{
    return dns_ensure(plan, error) && place_files(plan, nic, error);
}

/* RFC 2131: a DHCPRELEASE as the guest itself might send it. */
typedef struct Release {
    uint8_t op, htype, hlen, hops;
    uint32_t xid;
    uint16_t secs, flags;
    uint32_t ciaddr, yiaddr, siaddr, giaddr;
    uint8_t chaddr[16];
    char sname[64], file[128];
    uint8_t options[60];
} Release;

static void release_lease(const Plan *plan, const Nic *nic)
{
    int subnet = plan_find_subnet(plan, nic->address);
    if (subnet < 0)
        return;
    uint32_t server = htonl(plan_router(plan, (size_t)subnet));
    Release release = {
        .op = 1,
        .htype = 1,
        .hlen = MAC_BYTES,
        .xid = g_random_int(),
        .ciaddr = htonl(nic->address),
        /* Magic cookie; message type 7; server identifier (filled in below); end. */
        .options = {99, 130, 83, 99, 53, 1, 7, 54, 4, 0, 0, 0, 0, 255},
    };
    memcpy(release.options + 9, &server, sizeof(server));
    mac_parse(nic->mac, release.chaddr);
    struct sockaddr_in address = {
        .sin_family = AF_INET, .sin_port = htons(67), .sin_addr.s_addr = server};
    autofd fd = socket(AF_INET, SOCK_DGRAM | SOCK_CLOEXEC, 0);
    /* To an address of the bridge from inside: dnsmasq takes it as come by the bridge. If it is
     * lost the lease stays, and only dnsmasq's next start frees the address. */
    if (fd >= 0)
        sendto(fd, &release, sizeof(release), 0, (struct sockaddr *)&address, sizeof(address));
}

static bool remove_file(const Plan *plan, const char *directory, const char *name, GError **error)
{
    g_autofree char *path = path_of(plan, directory, name);
    if (unlink(path) < 0 && errno != ENOENT)
        return trouble_set_errno(error, errno, "cannot remove %s", path);
    return true;
}

static void reread(const Plan *plan)
{
    g_autofree char *record = path_of(plan, RECORD, NULL);
    /* When it has died, its next start reads everything. */
    survivor_hang_up(record);
}

bool dns_remove(const Plan *plan, const Nic *nic, GError **error)
{
    if (!remove_file(plan, DHCP_FILES, nic->id, error) ||
        !remove_file(plan, DNS_FILES, nic->id, error))
        return false;
    release_lease(plan, nic);
    reread(plan);
    return true;
}

static bool format_names(const NetworkName *entry, GString *text, GError **error)
{
    uint32_t address;
    if (!ipv4_parse(entry->address, &address))
        return trouble_set(error, "'%s' is no address", entry->address);
    g_string_append(text, entry->address);
    LIST_EACH (const char *, name, &entry->names) {
        if (!dns_name_is_plain(name))
            return trouble_set(error, "'%s' is no host name", name);
        g_string_append_printf(text, " %s", name);
    }
    g_string_append_c(text, '\n');
    return true;
}

static bool names_are(const char *path, const char *text)
{
    g_autofree char *there = NULL;
    return file_read(path, NAMES_MAX, &there, NULL, NULL) && g_str_equal(there, text);
}

bool dns_set_names(const Plan *plan, const List *names, GError **error)
{
    g_autoptr(GString) text = g_string_new(NULL);
    g_autofree char *path = path_of(plan, NAMES, NULL);
    LIST_EACH (const NetworkName *, entry, names) {
        if (!format_names(entry, text, error))
            return false;
    }
    if (names_are(path, text->str))
        return dns_ensure(plan, error);
    /* Renamed into place, so that dnsmasq reads all of it or the one before. */
    if (!g_file_set_contents_full(path, text->str, -1, G_FILE_SET_CONTENTS_CONSISTENT, 0600, error))
        return false;
    reread(plan);
    return dns_ensure(plan, error);
}

/* dnsmasq wants a file to be there. */
static bool make_names(const Plan *plan, GError **error)
{
    g_autofree char *path = path_of(plan, NAMES, NULL);
    return g_file_test(path, G_FILE_TEST_EXISTS) || file_write(path, "", 0, 0600, error);
}

/* Files of interfaces that are not there any more. */
static bool remove_strangers(const Plan *plan, const Nics *nics, const char *directory,
                             GError **error)
{
    g_autofree char *path = path_of(plan, directory, NULL);
    if (!file_make_directory(path, error))
        return false;
    g_autoptr(GDir) files = g_dir_open(path, 0, error);
    if (!files)
        return false;
    for (const char *name; (name = g_dir_read_name(files));) {
        if (!nics_find(nics, name) && !remove_file(plan, directory, name, error))
            return false;
    }
    return true;
}

static bool write_config(const Plan *plan, bool outside, GError **error)
{
    g_autofree char *path = path_of(plan, CONFIG, NULL);
    g_autofree char *wanted = format_config(plan, outside);
    g_autofree char *there = NULL;
    if (file_read(path, CONFIG_MAX, &there, NULL, NULL) && g_str_equal(there, wanted))
        return true;
    /* First: a crash in between must not leave it running with the old configuration beside a
     * file that says the new. */
    return dns_end(plan, error) && file_write(path, wanted, strlen(wanted), 0600, error);
}

bool dns_open(const Plan *plan, const Nics *nics, bool outside, GError **error)
{
    g_autoptr(Arena) arena = arena_new();
    List list;
    if (!remove_strangers(plan, nics, DHCP_FILES, error) ||
        !remove_strangers(plan, nics, DNS_FILES, error))
        return false;
    nics_list(nics, arena, &list);
    LIST_EACH (const Nic *, nic, &list) {
        if (!place_files(plan, nic, error))
            return false;
    }
    if (!make_names(plan, error) || !write_config(plan, outside, error) || !dns_ensure(plan, error))
        return false;
    /* For files that went, of which it does not hear. */
    reread(plan);
    return true;
}
