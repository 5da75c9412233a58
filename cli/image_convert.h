/* qemu-img at work, with progress. */
#pragma once

#include "cli/image_source.h"

/* Makes a qcow2 file of the source's disk at path, durable and the directory's owner's. SIGINT,
 * SIGTERM and SIGHUP end it; then, and whenever it fails, there is no file. To be called by a
 * process with one thread. */
bool image_convert(const ImageSource *source, const char *what, const char *path, GError **error);
