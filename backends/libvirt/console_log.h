/* The length of what guests write: the serial console's file and QEMU's own log grow as a guest
 * likes, so the backend cuts them from time to time. */
#pragma once

#include <glib.h>
#include <stdbool.h>
#include <stdint.h>

/* When the file is longer than max bytes, keeps its last keep ones, from a line's begin where there
 * is one. Its writer goes on writing and must have it open for appending; what it writes in the
 * instant of cutting may be lost or stand before the rest. Absent is success. */
bool console_log_cap(const char *path, uint64_t max, uint64_t keep, GError **error);
