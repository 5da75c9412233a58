/* The cloud's own certificate authority: what makes `https` to it trustworthy to who trusts the
 * authority. It is made once: STATE/secrets/authority.pem holds its key and certificate, and
 * STATE/certificates/authority.pem the certificate alone, for clients (AWS_CA_BUNDLE) and, through
 * the metadata service, for guests.
 *
 * Certificates of servers are not kept: one is issued, with a new key, each time it is needed,
 * which takes a few milliseconds. Immutable once open, so thread-safe. */
#pragma once

#include "cloud/x509_files.h"

/* Under the state directory: for everybody. */
#define AUTHORITY_CERTIFICATE "certificates/authority.pem"
/* A client may refuse certificates of servers that are good for longer than 398 days. */
#define AUTHORITY_SERVER_DAYS 397

typedef struct Authority Authority;

/* Opens it, or makes it when it is missing. The state directory has its folders. */
bool authority_open(const char *state_dir, Authority **ret_authority, GError **error);
void authority_close(Authority *authority); /* NULL is fine */
G_DEFINE_AUTOPTR_CLEANUP_FUNC(Authority, authority_close)

/* PEM; as long as the authority. */
const char *authority_certificate(const Authority *authority);

/* A key and a certificate of a server, from yesterday on for so many days. names: const char *, DNS
 * names, which may begin with "*.", and IPv4 addresses; at least one. In the arena. */
bool authority_issue(const Authority *authority, Arena *arena, const List *names, unsigned days,
                     X509Pair *ret_pair, GError **error);

/* The names under which programs look for AWS's endpoints, wildcards, added to *names: the services
 * of every region, and S3's buckets in front of its names. */
void authority_add_endpoint_names(Arena *arena, List *names);
