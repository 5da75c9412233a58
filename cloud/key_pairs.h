/* Key pairs: the names under which instances get public keys. Private keys are never kept. */
#pragma once

#include "cloud/cloud.h"
#include "cloud/find.h"
#include "cloud/tags.h"

#define KEY_PAIRS_PER_ACCOUNT 5000 /* AWS: "Amazon EC2 endpoints and quotas" */
#define KEY_NAME_MAX_LENGTH 255

typedef struct KeyPairView {
    KeyPair *key;
    const List *tags; /* of Tag *; may be NULL */
} KeyPairView;

/* Makes a key pair. type NULL: rsa; else also ed25519. format NULL: pem; else also ppk. tags:
 * TagPair *. *ret_material is the private key, told once and never again. Faults:
 * InvalidKeyPair.Duplicate, InvalidParameterValue, those of tags. Takes CPU: not for event
 * threads. */
bool key_pair_create(Context *context, const char *name, const char *type, const char *format,
                     const List *tags, KeyPair **ret_key, const char **ret_material,
                     GError **error);
/* material: base64 of a public key, as ImportKeyPair is sent it (cloud/key_files.h has the
 * formats). Faults as above, and InvalidKey.Format. */
bool key_pair_import(Context *context, const char *name, const char *material, const List *tags,
                     KeyPair **ret_key, GError **error);
/* By name or id; one that is not there is success (*ret_id NULL). Fault MissingParameter: neither
 * is given. */
bool key_pair_remove(Context *context, const char *name, const char *id, const char **ret_id,
                     GError **error);
/* KeyPairView * by id (page->ids), name (NULL or empty: all) and filters. Fault
 * InvalidKeyPair.NotFound. */
bool key_pairs_find(Context *context, const Page *page, const List *names, List *ret_views,
                    GError **error);
