/* The daemon's options. Invariant: a Config that was read holds only values that make sense
 * alone; what needs the system (a port that is free, a directory that can be written) is found out
 * where it is used. */
#include "daemon/config.h"

#include "base/cidr.h"
#include "base/fault.h"
#include <arpa/inet.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#define DEFAULT_PORT 4566
/* With the default port only: who names another one runs a second daemon, maybe. */
#define DEFAULT_HTTPS_PORT 4567
#define DEFAULT_DNS_PORT 4553
#define PORT_NOT_SAID -1
#define DEFAULT_ADDRESSES "127.77.0.0/16"
#define DEFAULT_DNS_SUFFIX "cumulet.test"
#define DNS_SUFFIX_MAX 128
#define LABEL_MAX 63
#define LABEL_CHARACTERS "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789-"
#define SMALLEST_POOL_BITS 30
#define LARGEST_POOL_BITS 10 /* cloud/names.h */

static char *default_state_dir(void)
{
    const char *named = g_getenv("CUMULET_STATE");
    if (named && *named)
        return g_strdup(named);
    return geteuid() == 0 ? g_strdup("/var/lib/cumulet")
                          : g_build_filename(g_get_user_data_dir(), "cumulet", NULL);
}

static bool parse_log_level(const char *name, GLogLevelFlags *ret_level, GError **error)
{
    static const struct {
        const char *name;
        GLogLevelFlags level;
    } levels[] = {
        {"debug", G_LOG_LEVEL_DEBUG},
        {"info", G_LOG_LEVEL_INFO},
        {"notice", G_LOG_LEVEL_MESSAGE},
        {"warning", G_LOG_LEVEL_WARNING},
    };
    for (size_t i = 0; i < G_N_ELEMENTS(levels); i++) {
        if (strcmp(levels[i].name, name) == 0) {
            *ret_level = levels[i].level;
            return true;
        }
    }
    return trouble_set(error, "--log-level is debug, info, notice or warning, not %s", name);
}

/* Of labels of letters, digits and hyphens; short enough for what is put in front of it. */
static bool is_domain(const char *name)
{
    g_auto(GStrv) labels = g_strsplit(name, ".", -1);
    for (char **label = labels; *label; label++) {
        size_t n = strlen(*label);
        if (n == 0 || n > LABEL_MAX || **label == '-' || (*label)[n - 1] == '-' ||
            strspn(*label, LABEL_CHARACTERS) != n)
            return false;
    }
    return *name && strlen(name) <= DNS_SUFFIX_MAX;
}

static bool check(const Config *config, GError **error)
{
    struct in_addr address;
    uint32_t network, mask;
    if (strcmp(config->backend, "libvirt") != 0 && strcmp(config->backend, "fake") != 0)
        return trouble_set(error, "--backend is libvirt or fake, not %s", config->backend);
    if (config->port < 1 || config->port > 65535)
        return trouble_set(error, "--port is a number from 1 to 65535, not %d", config->port);
    if (config->https_port < 0 || config->https_port > 65535 || config->https_port == config->port)
        return trouble_set(error,
                           "--https-port is another number than --port, from 1 to 65535, or 0 for "
                           "none, not %d",
                           config->https_port);
    if (config->dns_port < 0 || config->dns_port > 65535 ||
        (config->dns_port != 0 &&
         (config->dns_port == config->port || config->dns_port == config->https_port)))
        return trouble_set(error,
                           "--dns-port is another number than --port and --https-port, from 1 to "
                           "65535, or 0 for none, not %d",
                           config->dns_port);
    if (!is_domain(config->dns_suffix))
        return trouble_set(error, "--dns-suffix is a domain like " DEFAULT_DNS_SUFFIX ", not %s",
                           config->dns_suffix);
    if (inet_pton(AF_INET, config->bind, &address) != 1)
        return trouble_set(error, "--bind is an address of this computer like 127.0.0.1, not %s",
                           config->bind);
    if (!cidr_parse(config->addresses, &network, &mask) ||
        mask > UINT32_MAX << (32 - SMALLEST_POOL_BITS) ||
        mask < UINT32_MAX << (32 - LARGEST_POOL_BITS))
        return trouble_set(error, "--addresses is a range like " DEFAULT_ADDRESSES ", not %s",
                           config->addresses);
    if (config->clock_speed <= 0 || config->clock_speed > 100000)
        return trouble_set(error, "--clock-speed is a factor from above 0 to 100000");
    if (config->clock_speed != 1 && strcmp(config->backend, "fake") != 0)
        return trouble_set(error, "--clock-speed needs --backend fake: real guests keep real time");
    if (config->idle_seconds < 0 || config->idle_seconds > 3600)
        return trouble_set(error, "--idle-seconds is a number from 0 to 3600");
    if (config->repair && !config->fsck)
        return trouble_set(error, "--repair needs --fsck");
    if (config->memory_mib < 0 || config->instance_limit < 0)
        return trouble_set(error, "--memory and --instance-limit are not negative");
    return true;
}

bool config_read(int argc, char **argv, Config **ret_config, GError **error)
{
    g_autoptr(Config) config = g_new0(Config, 1);
    g_autofree char *log_level = g_strdup("notice");
    int allow_reset = 0, force_tcg = 0, no_outside = 0, version = 0, fsck = 0, repair = 0;
    config->port = DEFAULT_PORT;
    config->https_port = PORT_NOT_SAID;
    config->dns_port = PORT_NOT_SAID;
    config->clock_speed = 1;
    const GOptionEntry entries[] = {
        {"state", 0, 0, G_OPTION_ARG_FILENAME, &config->state_dir,
         "What the cloud keeps ($CUMULET_STATE, else /var/lib/cumulet for root and "
         "~/.local/share/cumulet for others)",
         "DIR"},
        {"backend", 0, 0, G_OPTION_ARG_STRING, &config->backend,
         "libvirt: real machines (default); fake: instant ones that run nothing", "KIND"},
        {"bind", 0, 0, G_OPTION_ARG_STRING, &config->bind, "Address the API listens on (127.0.0.1)",
         "ADDRESS"},
        {"port", 0, 0, G_OPTION_ARG_INT, &config->port, "Port the API listens on (4566)", "N"},
        {"https-port", 0, 0, G_OPTION_ARG_INT, &config->https_port,
         "Port the API listens on by HTTPS, 0: none (4567, with another --port: none)", "N"},
        {"dns-port", 0, 0, G_OPTION_ARG_INT, &config->dns_port,
         "Port of the DNS server on the loopback, 0: none (4553, with another --port: none)", "N"},
        {"addresses", 0, 0, G_OPTION_ARG_STRING, &config->addresses,
         "Public addresses to give out, addresses of this host (" DEFAULT_ADDRESSES ")", "CIDR"},
        {"memory", 0, 0, G_OPTION_ARG_INT, &config->memory_mib,
         "Memory for guests in all (the host's less 1024)", "MIB"},
        {"instance-limit", 0, 0, G_OPTION_ARG_INT, &config->instance_limit,
         "Running instances an account may have (1000; fake: 100000)", "N"},
        {"libvirt-uri", 0, 0, G_OPTION_ARG_STRING, &config->libvirt_uri,
         "Another libvirt than the embedded one", "URI"},
        {"tcg", 0, 0, G_OPTION_ARG_NONE, &force_tcg, "Emulate even where KVM works", NULL},
        {"no-outside", 0, 0, G_OPTION_ARG_NONE, &no_outside,
         "Guests reach nothing outside of the cloud", NULL},
        {"service-user", 0, 0, G_OPTION_ARG_STRING, &config->service_user,
         "Whom root becomes (cumulet)", "NAME"},
        {"dns-suffix", 0, 0, G_OPTION_ARG_STRING, &config->dns_suffix,
         "End of public DNS names (" DEFAULT_DNS_SUFFIX ")", "NAME"},
        {"clock-speed", 0, 0, G_OPTION_ARG_DOUBLE, &config->clock_speed,
         "How much faster time passes (1; fake back end only)", "FACTOR"},
        {"allow-reset", 0, 0, G_OPTION_ARG_NONE, &allow_reset,
         "Let POST /_cumulet/reset delete everything", NULL},
        {"idle-seconds", 0, 0, G_OPTION_ARG_INT, &config->idle_seconds,
         "How long a client may be silent (60)", "N"},
        {"fsck", 0, 0, G_OPTION_ARG_NONE, &fsck,
         "Check the objects that are kept and end (cumulet fsck)", NULL},
        {"repair", 0, 0, G_OPTION_ARG_NONE, &repair, "With --fsck: remove what belongs to nothing",
         NULL},
        {"log-level", 0, 0, G_OPTION_ARG_STRING, &log_level,
         "Least level to log: debug, info, notice (default), warning", "LEVEL"},
        {"version", 0, 0, G_OPTION_ARG_NONE, &version, "Print the version", NULL},
        {0},
    };
    g_autoptr(GOptionContext) context = g_option_context_new("- the Cumulet daemon");
    g_option_context_add_main_entries(context, entries, NULL);
    g_option_context_set_description(
        context, "Signals: TERM and INT shut guests down and end; USR1 ends and leaves guests "
                 "running for the next daemon.\nSee cumuletd(8).");
    if (!g_option_context_parse(context, &argc, &argv, error))
        return false;
    if (version) {
        g_print("cumuletd " CUMULET_VERSION "\n");
        exit(0);
    }
    if (argc > 1)
        return trouble_set(error, "unknown argument %s; see --help", argv[1]);
    config->allow_reset = allow_reset;
    config->force_tcg = force_tcg;
    config->no_outside = no_outside;
    config->fsck = fsck;
    config->repair = repair;
    config->https_port_named = config->https_port != PORT_NOT_SAID;
    if (!config->https_port_named)
        config->https_port = config->port == DEFAULT_PORT ? DEFAULT_HTTPS_PORT : 0;
    config->dns_port_named = config->dns_port != PORT_NOT_SAID;
    if (!config->dns_port_named)
        config->dns_port = config->port == DEFAULT_PORT ? DEFAULT_DNS_PORT : 0;
    if (!config->state_dir)
        config->state_dir = default_state_dir();
    if (!config->backend)
        config->backend = g_strdup("libvirt");
    if (!config->bind)
        config->bind = g_strdup("127.0.0.1");
    if (!config->addresses)
        config->addresses = g_strdup(DEFAULT_ADDRESSES);
    if (!config->service_user)
        config->service_user = g_strdup("cumulet");
    if (!config->dns_suffix)
        config->dns_suffix = g_strdup(DEFAULT_DNS_SUFFIX);
    if (!parse_log_level(log_level, &config->log_level, error) || !check(config, error))
        return false;
    char *absolute = g_canonicalize_filename(config->state_dir, NULL);
    g_free(config->state_dir);
    config->state_dir = absolute;
    *ret_config = g_steal_pointer(&config);
    return true;
}

void config_free(Config *config)
{
    if (!config)
        return;
    g_free(config->state_dir);
    g_free(config->backend);
    g_free(config->bind);
    g_free(config->addresses);
    g_free(config->libvirt_uri);
    g_free(config->service_user);
    g_free(config->dns_suffix);
    g_free(config);
}
