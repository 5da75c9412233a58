/* The policy that a POST form brings along: what its signer lets whoever has the form do.
 *
 * Source: "POST Policy" (Amazon S3 API Reference). Pure; any text may come in. */
#pragma once

#include "api/query.h"
#include <stdint.h>

/* What content-length-range asks for, bytes; without: everything. */
typedef struct PostPolicySize {
    int64_t least, most;
} PostPolicySize;

/* policy: JSON. fields: the form's, names in lower case, variables filled in. now: µs. Faults
 * InvalidPolicyDocument, AccessDenied ("Invalid according to Policy: …"). */
bool post_policy_check(Arena *arena, const char *policy, const Params *fields, const char *bucket,
                       int64_t now, PostPolicySize *ret_size, GError **error);

/* Faults EntityTooLarge, EntityTooSmall. The first can be asked while bytes come. */
bool post_policy_check_most(const PostPolicySize *size, int64_t bytes, GError **error);
bool post_policy_check_least(const PostPolicySize *size, int64_t bytes, GError **error);
