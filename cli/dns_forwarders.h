/* What forwards a host's questions for some domains to another DNS server: systemd-resolved,
 * dnsmasq, NetworkManager's dnsmasq. Each reads a directory of configuration files, where one file
 * is ours; nothing else is touched. Paths are below root ("" or "/dir"). */
#pragma once

#include "base/arena.h"

typedef struct DnsServerFacts {
    const char *address;
    unsigned port;
    List domains; /* of const char * */
} DnsServerFacts;

typedef struct DnsForwarder {
    const char *name;       /* "systemd-resolved" */
    const char *file;       /* "/etc/systemd/resolved.conf.d/cumulet.conf" */
    const char *needs;      /* what the user should know, or NULL */
    const char *reload[5];  /* command that makes it read the file; ends with NULL */
    const char *reload_how; /* the same as text */
    void (*format)(const DnsServerFacts *facts, GString *text);
    bool (*is_there)(const char *root);
    /* A file for whose sake it should be left as it is, for g_free, and why; NULL: there is none,
     * or none can be. */
    char *(*find_obstacle)(const char *root);
    const char *obstacle_why;
} DnsForwarder;

/* In the order of choice; ends with one without a name. */
extern const DnsForwarder dns_forwarders[];

/* The first that is there; NULL: none. */
const DnsForwarder *dns_forwarder_choose(const char *root);
/* NULL when there is none of that name. */
const DnsForwarder *dns_forwarder_named(const char *name);

/* Writes the file of the cloud in state_dir. *ret_changed: it did not say so before. Refuses to
 * replace a file that is another cloud's or nobody's. */
bool dns_forwarder_install(Arena *arena, const DnsForwarder *forwarder, const char *root,
                           const char *state_dir, const DnsServerFacts *facts, bool *ret_changed,
                           GError **error);
/* Takes away the file of the cloud in state_dir, and the directory that was made for it.
 * *ret_changed: there was one. */
bool dns_forwarder_remove(Arena *arena, const DnsForwarder *forwarder, const char *root,
                          const char *state_dir, bool *ret_changed, GError **error);
