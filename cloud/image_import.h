/* Images that come from a file of the user's: `cumulet image import` converts it and places it
 * among the layers, and has it registered here. */
#pragma once

#include "cloud/cloud.h"

/* What the names of such files in STATE/volumes begin and end with. */
#define IMAGE_IMPORT_PREFIX "import-"
#define IMAGE_IMPORT_SUFFIX ".qcow2"

typedef struct ImageImport {
    const char *file; /* its name in STATE/volumes; NULL: only see whether it could be registered */
    const char *name, *description; /* description may be NULL */
    const char *architecture;
} ImageImport;

/* Makes a private machine image of the caller's account with its snapshot, of a qcow2 file that
 * refers to no other file; *ret_id is NULL when there was no file to register. One with a partition
 * table boots by itself, another one with the starter kernel. Whatever happens, the file is the
 * cloud's from now on: on failure it is removed, unless it was registered before. Faults:
 * InvalidAMIName.Malformed, .Duplicate, InvalidParameterValue (the architecture; the file is not
 * one of those; there is no starter image whose kernel could boot it). Reads the file: seconds. */
bool image_import(Context *context, const ImageImport *import, const char **ret_id, GError **error);
