/* Machines' disks: copy-on-write qcow2 overlays, made by qemu-img. Thread-safe. */
#pragma once

#include <glib.h>
#include <stdbool.h>
#include <stdint.h>

/* Remembers which bases were found sound, so that each is checked once. */
typedef struct DiskMaker DiskMaker;

/* What a base is built upon must lie under state_dir. */
DiskMaker *disk_maker_new(const char *state_dir);
void disk_maker_free(DiskMaker *maker); /* NULL is fine */
G_DEFINE_AUTOPTR_CLEANUP_FUNC(DiskMaker, disk_maker_free)

/* See create_disk in backends/hypervisor.h. base_format is "raw" or "qcow2". The disk is at least
 * as long as its base. It is there wholly or not at all, and durable. */
bool disk_create(DiskMaker *maker, const char *path, const char *base_path, const char *base_format,
                 uint64_t size_bytes, GError **error);
