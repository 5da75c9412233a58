/* The embedded driver's root: libvirt inside this process, with no libvirtd and no set-up.
 *
 * One process can have one root, for as long as it lives: libvirt keeps the driver after the last
 * connection is closed. */
#pragma once

#include <glib.h>
#include <stdbool.h>

typedef struct EmbeddedRoot {
    char *path;     /* <state>/libvirt, or a short link to it: see embedded.c */
    char *uri;      /* "qemu:///embed?root=..." */
    char *log_path; /* of libvirt's own errors */
    char *agents;   /* directory of the sockets that lead to guests' agents */
} EmbeddedRoot;

/* Makes the directory and its qemu.conf, and tells libvirt by the environment where to write. Call
 * it before this process first uses libvirt. Clear with embedded_clear. */
bool embedded_prepare(const char *state_dir, EmbeddedRoot *ret_root, GError **error);
void embedded_clear(EmbeddedRoot *root);

/* Where libvirt keeps QEMU's own messages about a machine. Free with g_free. */
char *embedded_machine_log(const EmbeddedRoot *root, const char *name);
