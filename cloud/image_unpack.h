/* Unpacking bundles into images: the work that RegisterImage of a manifest leaves. Private to
 * cloud/.
 *
 *     pending ──> available
 *           └───> failed        StateReason: Client.InvalidManifest, Server.InternalError
 *
 * The image's layer is noted with the image; the file appears under its name when all of it was
 * found right, and its record goes when it was not. Work that was cut off begins again. */
#pragma once

#include "cloud/cloud.h"

/* Does it all, for minutes; nothing if the image waits for no such thing. */
int64_t image_unpack_step(Cloud *cloud, const char *image_id);
