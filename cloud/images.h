/* Machine, kernel and ramdisk images, as callers see them. */
#pragma once

#include "cloud/cloud.h"
#include "cloud/find.h"
#include "cloud/tags.h"

/* The account that owns what has the owner alias "amazon": Amazon Linux's, in us-east-1. */
#define IMAGES_AMAZON_ACCOUNT "137112412989"
#define IMAGES_AMAZON_ALIAS "amazon"

typedef struct ImageView {
    Image *image;
    const List *tags; /* of Tag *; may be NULL */
} ImageView;

typedef struct ImageQuery {
    Page page;
    /* Of const char *, NULL or empty: any. Owners: account ids, "self", "amazon" and other
     * aliases. Executable by: "all" (public), "self" or account ids (launch permissions). */
    const List *owners, *executable_by;
} ImageQuery;

/* ImageView * of images that the caller may launch or owns. Faults: InvalidAMIID.NotFound,
 * InvalidAMIID.Malformed. */
bool images_find(Context *context, const ImageQuery *query, List *ret_views, const char **ret_token,
                 GError **error);

/* One image of that kind ("machine", "kernel", "ramdisk") that the caller may launch, inside a
 * transaction. Faults: InvalidAMIID.Malformed, InvalidAMIID.NotFound (also: somebody else's
 * private one, or of another kind), InvalidAMIID.Unavailable (pending, failed, deregistered). */
bool image_resolve(Context *context, Txn *txn, const char *id, const char *kind, Image **ret_image,
                   GError **error);
