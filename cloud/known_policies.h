/* Policies as they were last read: they are asked on every request and change seldom. Derived data,
 * by the document's text, so that it is never out of date. Thread-safe. */
#pragma once

#include "cloud/policy.h"

typedef struct KnownPolicies KnownPolicies;

KnownPolicies *known_policies_new(void);
void known_policies_free(KnownPolicies *policies); /* NULL is fine */

/* A policy with a reference: it lives until that is given back, whatever is forgotten. */
typedef struct KnownPolicy KnownPolicy;
void known_policy_unref(KnownPolicy *known); /* NULL is fine */
G_DEFINE_AUTOPTR_CLEANUP_FUNC(KnownPolicy, known_policy_unref)
const Policy *known_policy(const KnownPolicy *known);

/* As policy_read. */
bool known_policies_read(KnownPolicies *policies, const char *json, PolicyKind kind,
                         KnownPolicy **ret_known, GError **error);
