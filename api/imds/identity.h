/* The instance identity document and its signatures. */
#pragma once

#include "cloud/metadata.h"

typedef struct Identity Identity;

/* Opens, or makes at the first start, the key and certificate that sign identity documents:
 * <directory>/identity.pem. Mode 0600. */
bool identity_open(const char *directory, Identity **ret_identity, GError **error);
void identity_close(Identity *identity); /* NULL is fine */
/* A secret of this cloud's that outlives the daemon, for metadata tokens: 32 bytes. */
const uint8_t *identity_secret(const Identity *identity);
/* The certificate in PEM, for who wants to verify. */
const char *identity_certificate(const Identity *identity);

/* The document (JSON), laid out as AWS's is. Pure. */
const char *identity_document(Arena *arena, const Metadata *metadata);
/* Base64 of the RSA-SHA256 signature over the document. */
bool identity_sign(const Identity *identity, Arena *arena, const char *document,
                   const char **ret_text, GError **error);
/* Base64 of the PKCS #7 signature that holds the document. */
bool identity_pkcs7(const Identity *identity, Arena *arena, const char *document,
                    const char **ret_text, GError **error);
