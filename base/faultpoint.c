/* Fault points.
 *
 * Invariant: the environment is read once, at the first point; what it says is never changed while
 * threads come to points. */
#include "base/faultpoint.h"

#include <glib.h>
#include <signal.h>
#include <stdatomic.h>
#include <string.h>
#include <unistd.h>

typedef struct Plan {
    char *prefix; /* NULL: none */
    atomic_llong left;
} Plan;

static void set_plan(Plan *plan, const char *text)
{
    const char *colon = text ? strrchr(text, ':') : NULL;
    g_free(plan->prefix);
    plan->prefix = colon ? g_strndup(text, (size_t)(colon - text)) : NULL;
    atomic_store(&plan->left, colon ? g_ascii_strtoll(colon + 1, NULL, 10) : 0);
}

static void *read_plan(void *unused)
{
    Plan *plan = g_new0(Plan, 1);
    set_plan(plan, g_getenv("CUMULET_FAULTPOINT"));
    return plan;
}

static Plan *the_plan(void)
{
    static GOnce once = G_ONCE_INIT;
    return g_once(&once, read_plan, NULL);
}

void faultpoint_arm(const char *plan)
{
    set_plan(the_plan(), plan);
}

void faultpoint(const char *name)
{
    Plan *plan = the_plan();
    if (G_LIKELY(!plan->prefix) || !g_str_has_prefix(name, plan->prefix))
        return;
    if (atomic_fetch_sub(&plan->left, 1) == 1)
        kill(getpid(), SIGKILL);
}
