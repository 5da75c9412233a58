/* Fault points.
 *
 * Invariant: the environment is read once, at the first point; what it says is never changed while
 * threads come to points. They change only how far it was followed. */
#include "base/faultpoint.h"

#include <glib.h>
#include <signal.h>
#include <stdatomic.h>
#include <stdbool.h>
#include <string.h>
#include <unistd.h>

#define STEPS_MAX 4

typedef struct Step {
    char *prefix;
    atomic_llong left;
} Step;

typedef struct Plan {
    unsigned n; /* 0: there is none */
    Step steps[STEPS_MAX];
    atomic_uint current; /* the last one's end is the process's */
} Plan;

/* "prefix:times" */
static bool set_step(Step *step, const char *text)
{
    const char *colon = strrchr(text, ':');
    if (!colon)
        return false;
    step->prefix = g_strndup(text, (size_t)(colon - text));
    atomic_store(&step->left, g_ascii_strtoll(colon + 1, NULL, 10));
    return true;
}

static void set_plan(Plan *plan, const char *text)
{
    g_auto(GStrv) words = g_strsplit(text ? text : "", ",", STEPS_MAX);
    for (unsigned i = 0; i < plan->n; i++)
        g_clear_pointer(&plan->steps[i].prefix, g_free);
    plan->n = 0;
    atomic_store(&plan->current, 0);
    while (words[plan->n] && set_step(&plan->steps[plan->n], words[plan->n]))
        plan->n++;
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
    if (G_LIKELY(plan->n == 0))
        return;
    Step *step = &plan->steps[atomic_load(&plan->current)];
    if (!g_str_has_prefix(name, step->prefix) || atomic_fetch_sub(&step->left, 1) != 1)
        return;
    if (step == &plan->steps[plan->n - 1])
        kill(getpid(), SIGKILL);
    else
        atomic_fetch_add(&plan->current, 1);
}
