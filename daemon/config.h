/* What the daemon was told on its command line. */
#pragma once

#include <glib.h>
#include <stdbool.h>
#include <stdint.h>

typedef struct Config {
    char *state_dir;
    char *backend; /* libvirt, fake */
    char *bind;    /* 127.0.0.1 */
    int port;
    int https_port;        /* 0: none */
    bool https_port_named; /* by the user: it has to be had */
    int dns_port;          /* 0: none */
    bool dns_port_named;   /* likewise */
    char *addresses;       /* public pool: 127.77.0.0/16 */
    char *libvirt_uri;
    char *service_user;
    char *dns_suffix;
    int memory_mib;
    int instance_limit;
    double clock_speed;
    bool allow_reset;
    bool force_tcg;
    bool no_outside;
    int idle_seconds; /* 0: the server's own choice */
    bool fsck;        /* check what is kept instead of serving it */
    bool repair;
    GLogLevelFlags log_level;
} Config;

/* Reads the options; on --help and --version prints and exits. Errors say what to type instead. */
bool config_read(int argc, char **argv, Config **ret_config, GError **error);
void config_free(Config *config); /* NULL is fine */
G_DEFINE_AUTOPTR_CLEANUP_FUNC(Config, config_free)
