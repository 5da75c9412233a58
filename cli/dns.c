/* `cumulet dns`: points the host's resolver at the daemon's DNS server. */
#include "cli/dns_forwarders.h"
#include "base/fault.h"
#include "base/process.h"
#include "cli/commands.h"
#include "cli/names.h"
#include "cli/target.h"

#include <stdio.h>
#include <string.h>
#include <unistd.h>

typedef struct DnsCall {
    Call *call;
    const char *root;              /* "": this machine's own configuration */
    const DnsForwarder *forwarder; /* NULL: none is there */
} DnsCall;

/* ---- showing ---- */

static void show_indented(const char *text)
{
    g_auto(GStrv) lines = g_strsplit(text, "\n", -1);
    for (char **line = lines; *line; line++) {
        if (**line)
            printf("  %s\n", *line);
    }
}

static void show_forwarder(const DnsCall *dns, const DnsForwarder *forwarder,
                           const DnsServerFacts *facts)
{
    g_autoptr(GString) text = g_string_new(NULL);
    forwarder->format(facts, text);
    printf("\n%s%s%s%s: %s\n", forwarder->name, forwarder->needs ? ", " : "",
           forwarder->needs ? forwarder->needs : "", forwarder == dns->forwarder ? " (here)" : "",
           forwarder->file);
    show_indented(text->str);
    printf("  then: %s\n", forwarder->reload_how);
}

static bool show(const DnsCall *dns, GError **error)
{
    DnsServerFacts facts;
    if (!names_fetch_server(dns->call, &facts, error))
        return false;
    printf("Asked at %s port %u, the daemon answers names below", facts.address, facts.port);
    LIST_EACH (const char *, domain, &facts.domains)
        printf("%s %s", domain_i ? " and" : "", domain);
    puts(".\nA host asks there for these names, and elsewhere for all others, with one of these:");
    for (const DnsForwarder *forwarder = dns_forwarders; forwarder->name; forwarder++)
        show_forwarder(dns, forwarder, &facts);
    printf("\n'cumulet dns install' does it%s%s, as root; 'cumulet dns remove' undoes it.\n",
           dns->forwarder ? " for " : "", dns->forwarder ? dns->forwarder->name : "");
    puts("'cumulet hosts' prints the names for /etc/hosts instead.");
    return true;
}

/* ---- changing ---- */

static bool check_root(const DnsCall *dns, const char *verb, GError **error)
{
    if (*dns->root || geteuid() == 0)
        return true;
    g_autofree char *self = g_file_read_link("/proc/self/exe", NULL);
    g_autofree char *state = g_shell_quote(target_state(dns->call));
    return trouble_set(error,
                       "this changes the machine's configuration, which takes root: sudo %s "
                       "dns %s --state %s",
                       self ? self : "cumulet", verb, state);
}

/* Of another root it is not for us to say what runs there. */
static bool reload(const DnsCall *dns, const DnsForwarder *forwarder, GError **error)
{
    if (*dns->root) {
        printf("to have it read: %s\n", forwarder->reload_how);
        return true;
    }
    g_autoptr(GError) why = NULL;
    if (process_run(&(ProcessSpec){.argv = forwarder->reload}, NULL, &why))
        return true;
    return trouble_set(error, "%s did not read it (%s); run: %s", forwarder->name, why->message,
                       forwarder->reload_how);
}

static bool install(const DnsCall *dns, GError **error)
{
    const DnsForwarder *forwarder = dns->forwarder;
    DnsServerFacts facts;
    bool changed;
    if (!check_root(dns, "install", error))
        return false;
    if (!forwarder)
        return trouble_set(error, "neither systemd-resolved nor dnsmasq is here (--with names one "
                                  "of them); 'cumulet hosts' prints the names for /etc/hosts");
    g_autofree char *obstacle =
        forwarder->find_obstacle ? forwarder->find_obstacle(dns->root) : NULL;
    if (obstacle)
        return trouble_set(error, "%s %s, or use 'cumulet hosts'", obstacle,
                           forwarder->obstacle_why);
    if (!names_fetch_server(dns->call, &facts, error) ||
        !dns_forwarder_install(dns->call->arena, forwarder, dns->root, target_state(dns->call),
                               &facts, &changed, error))
        return false;
    printf("%s%s %s\n", dns->root, forwarder->file,
           changed ? "is written" : "says so already; nothing is changed");
    return !changed || reload(dns, forwarder, error);
}

static bool take_away(const DnsCall *dns, GError **error)
{
    bool any = false;
    if (!check_root(dns, "remove", error))
        return false;
    for (const DnsForwarder *forwarder = dns_forwarders; forwarder->name; forwarder++) {
        bool changed;
        if (!dns_forwarder_remove(dns->call->arena, forwarder, dns->root, target_state(dns->call),
                                  &changed, error))
            return false;
        if (!changed)
            continue;
        any = true;
        printf("%s%s is removed\n", dns->root, forwarder->file);
        if (!reload(dns, forwarder, error))
            return false;
    }
    if (!any)
        puts("nothing is installed for this cloud");
    return true;
}

static bool dns_run(Call *call, GError **error)
{
    static const struct {
        const char *name;
        bool (*run)(const DnsCall *dns, GError **error);
    } verbs[] = {{"install", install}, {"remove", take_away}};
    char *root = NULL, *with = NULL;
    if (!call_parse(call, (void *const[]){&root, &with}, error))
        return false;
    DnsCall dns = {.call = call, .root = ""};
    if (root && !g_file_test(root, G_FILE_TEST_IS_DIR))
        return trouble_set(error, "%s is no directory", root);
    if (root && strcmp(root, "/") != 0)
        dns.root = arena_strdup(call->arena, root);
    dns.forwarder = with ? dns_forwarder_named(with) : dns_forwarder_choose(dns.root);
    if (with && !dns.forwarder)
        return usage_set(error, "--with is systemd-resolved, NetworkManager or dnsmasq, not '%s'",
                         with);
    if (call->argc == 0)
        return show(&dns, error);
    for (size_t i = 0; i < G_N_ELEMENTS(verbs); i++) {
        if (strcmp(call->argv[0], verbs[i].name) == 0)
            return verbs[i].run(&dns, error);
    }
    return usage_set(error, "'%s' is neither install nor remove", call->argv[0]);
}

static const GOptionEntry options[] = {
    {"root", 0, 0, G_OPTION_ARG_FILENAME, NULL,
     "change the configuration below DIR instead of this machine's", "DIR"},
    {"with", 0, 0, G_OPTION_ARG_STRING, NULL, "systemd-resolved, NetworkManager or dnsmasq",
     "NAME"},
    {NULL},
};

const Command dns_command = {
    .name = "dns",
    .arguments = "[install|remove]",
    .summary = "have this machine resolve the names of instances and load balancers",
    .help = "The daemon answers DNS questions for its names on a port of the loopback. Shows\n"
            "how the machine's resolver is told to ask there for these names and no others:\n"
            "\n"
            "  cumulet dns            # shows the files for systemd-resolved and dnsmasq\n"
            "  cumulet dns install    # writes the one that fits this machine; takes root\n"
            "  cumulet dns remove     # takes it away again\n"
            "\n"
            "One file is written, which nobody else uses; install may be repeated, after\n"
            "the daemon got another port, say. The chosen program is then made to read it.\n"
            "See also: cumulet help hosts.\n",
    .options = options,
    .operands_max = 1,
    .run = dns_run,
};
