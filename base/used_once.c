/* A table of words and their ends. Invariant: what is past is removed at most once a second, so
 * that a full table costs each request next to nothing. */
#include "base/used_once.h"

#include "base/clock.h"
#include <glib.h>

struct UsedOnce {
    size_t most;
    GMutex lock;
    GHashTable *words; /* char * → int64_t *, when it may be forgotten; under lock */
    int64_t swept;     /* when what is past was removed; under lock */
};

UsedOnce *used_once_new(size_t most)
{
    UsedOnce *used = g_new0(UsedOnce, 1);
    used->most = most;
    used->swept = INT64_MIN;
    g_mutex_init(&used->lock);
    used->words = g_hash_table_new_full(g_str_hash, g_str_equal, g_free, g_free);
    return used;
}

void used_once_free(UsedOnce *used)
{
    if (!used)
        return;
    g_hash_table_unref(used->words);
    g_mutex_clear(&used->lock);
    g_free(used);
}

static gboolean is_past(gpointer word, gpointer end, gpointer now)
{
    return *(const int64_t *)end < *(const int64_t *)now;
}

/* A clock that was set back sweeps, too. */
static void sweep(UsedOnce *used, int64_t now)
{
    if (now >= used->swept && now < used->swept + CLOCK_SECOND)
        return;
    used->swept = now;
    g_hash_table_foreach_remove(used->words, is_past, &now);
}

static UsedOnceAnswer take(UsedOnce *used, const char *word, int64_t now, int64_t end)
{
    sweep(used, now);
    const int64_t *until = g_hash_table_lookup(used->words, word);
    if (until && *until >= now)
        return USED_ONCE_AGAIN;
    if (!until && g_hash_table_size(used->words) >= used->most)
        return USED_ONCE_FULL;
    g_hash_table_replace(used->words, g_strdup(word), g_memdup2(&end, sizeof(end)));
    return USED_ONCE_FRESH;
}

UsedOnceAnswer used_once_take(UsedOnce *used, const char *word, int64_t now, int64_t end)
{
    g_mutex_lock(&used->lock);
    UsedOnceAnswer answer = take(used, word, now, end);
    g_mutex_unlock(&used->lock);
    return answer;
}
