/* libvirt's errors in our words. */
#pragma once

#include <glib.h>
#include <libvirt/virterror.h>
#include <stdbool.h>

/* What failed, then what libvirt's last error in this thread says and, where known, what to do.
 * Call it right after the libvirt function that failed. Returns false. */
bool libvirt_trouble(GError **error, const char *format, ...) G_GNUC_PRINTF(2, 3);

/* Whether this thread's last libvirt error says that the domain does not exist or not run. */
bool libvirt_says_gone(void);
/* Whether it says that an earlier machine of that name has ended but is not cleared away yet. */
bool libvirt_says_clearing(void);
/* Whether it says that QEMU has something of that name already. */
bool libvirt_says_duplicate(void);
