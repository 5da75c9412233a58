/* What writing a manifest needs of bundle_keys.c besides imagestore/bundle_manifest.h. */
#pragma once

#include "imagestore/bundle_manifest.h"

/* RSA with SHA-1, in hex. Trouble: the key cannot sign. */
bool bundle_sign(Arena *arena, const char *text, size_t size, const char *private_key,
                 const char **ret_signature, GError **error);
