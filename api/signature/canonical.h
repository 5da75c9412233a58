/* The parts that all canonical forms of AWS's signatures are made of. Pure: any bytes may come in.
 * Sources: "Create a signed AWS API request" (IAM User Guide), RFC 3986. */
#pragma once

#include "api/buffer.h"
#include "api/query.h"

/* Percent-encodes all but A-Z a-z 0-9 - _ . ~ and, if asked, slashes, which stay. */
void canonical_encode(Buffer *out, const char *text, size_t size, bool keep_slashes);

/* name=value pairs, encoded, sorted by name and then value, with & between. Pairs of the name
 * `without` are left out. */
void canonical_query(Buffer *out, Arena *arena, const Param *params, size_t n, const char *without);

/* Version 4's path for all services but S3: dot segments resolved, double slashes joined, and the
 * path as sent encoded once more. An empty path is "/". */
void canonical_path(Buffer *out, Arena *arena, const char *path);

/* Version 4's path for S3: decoded and encoded once, nothing else. escaped_slashes: a %2F stays one
 * instead of becoming a slash. False when the path's encoding is broken or has a NUL in it; then
 * nothing is written. An empty path is "/". */
bool canonical_s3_path(Buffer *out, const char *path, bool escaped_slashes);

/* A header's value without white space at its ends and, if asked, each run inside it as one
 * space. */
void canonical_header_value(Buffer *out, const char *value, bool collapse);

/* "localhost:4566" → "localhost"; "[::1]:4566" → "[::1]"; NULL when there is no port. */
char *canonical_host_without_port(Arena *arena, const char *host);
