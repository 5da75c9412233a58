/* Machines' disks: copy-on-write qcow2 overlays, made by qemu-img. Thread-safe, if not for
 * two calls about one new path at once. */
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

/* See resize_disk there. */
bool disk_resize(const char *path, uint64_t size_bytes, GError **error);

/* See convert_disk there. */
bool disk_convert(DiskMaker *maker, const char *path, const char *format, const char *new_path,
                  const char *new_format, GError **error);

/* See read_disk there. */
bool disk_read(DiskMaker *maker, const char *path, const char *format, void *buffer, size_t size,
               GError **error);

/* An empty overlay of size_bytes over a disk that a machine is writing to, for it to go on with.
 * One that is there already is made at least as long. */
bool disk_overlay(const char *path, const char *base_path, uint64_t size_bytes, GError **error);

/* Whether a disk's file is whole and lies over just that file (an absolute path; NULL: none). What
 * that in turn is, is not looked at. */
bool disk_check(const char *path, const char *format, const char *backing, GError **error);

/* Takes away the right to write to a disk that is only a base from now on. */
bool disk_freeze(const char *path, GError **error);
