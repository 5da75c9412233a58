/* Remembers policies. Invariant: what is shared is never changed after it is in the table. */
#include "cloud/known_policies.h"

/* Then all are forgotten. With documents of the largest size: some tens of megabytes. */
#define POLICIES_MOST 500

struct KnownPolicy {
    gatomicrefcount references;
    Arena *arena; /* of all of it */
    const char *json;
    Policy *policy;
};

struct KnownPolicies {
    GMutex lock;
    GHashTable *by_text[POLICY_OF_IDENTITY + 1]; /* by kind; text, in the policy → KnownPolicy */
};

static void unref_known(void *data)
{
    known_policy_unref(data);
}

KnownPolicies *known_policies_new(void)
{
    KnownPolicies *policies = g_new0(KnownPolicies, 1);
    g_mutex_init(&policies->lock);
    for (size_t i = 0; i < G_N_ELEMENTS(policies->by_text); i++)
        policies->by_text[i] = g_hash_table_new_full(g_str_hash, g_str_equal, NULL, unref_known);
    return policies;
}

void known_policies_free(KnownPolicies *policies)
{
    if (!policies)
        return;
    for (size_t i = 0; i < G_N_ELEMENTS(policies->by_text); i++)
        g_hash_table_unref(policies->by_text[i]);
    g_mutex_clear(&policies->lock);
    g_free(policies);
}

void known_policy_unref(KnownPolicy *known)
{
    if (known && g_atomic_ref_count_dec(&known->references)) {
        arena_free(known->arena);
        g_free(known);
    }
}

const Policy *known_policy(const KnownPolicy *known)
{
    return known->policy;
}

/* With a reference for the caller; NULL: it has to be read. */
static KnownPolicy *recall(KnownPolicies *policies, const char *json, PolicyKind kind)
{
    G_GNUC_UNUSED g_autoptr(GMutexLocker) locker = g_mutex_locker_new(&policies->lock);
    KnownPolicy *known = g_hash_table_lookup(policies->by_text[kind], json);
    if (known)
        g_atomic_ref_count_inc(&known->references);
    return known;
}

static void remember(KnownPolicies *policies, KnownPolicy *known, PolicyKind kind)
{
    GHashTable *table = policies->by_text[kind];
    G_GNUC_UNUSED g_autoptr(GMutexLocker) locker = g_mutex_locker_new(&policies->lock);
    if (g_hash_table_size(table) >= POLICIES_MOST)
        g_hash_table_remove_all(table);
    g_atomic_ref_count_inc(&known->references);
    g_hash_table_replace(table, (char *)known->json, known);
}

bool known_policies_read(KnownPolicies *policies, const char *json, PolicyKind kind,
                         KnownPolicy **ret_known, GError **error)
{
    KnownPolicy *known = recall(policies, json, kind);
    if (!known) {
        Arena *arena = arena_new();
        Policy *policy;
        if (!policy_read(arena, json, kind, &policy, error)) {
            arena_free(arena);
            return false;
        }
        known = g_new(KnownPolicy, 1);
        *known = (KnownPolicy){.arena = arena, .json = arena_strdup(arena, json), .policy = policy};
        g_atomic_ref_count_init(&known->references);
        remember(policies, known, kind);
    }
    *ret_known = known;
    return true;
}
