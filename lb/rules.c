/* Rules of one listener. They are one block of memory, so that a thousand unchanged listeners are
 * compared quickly. */
#include "lb/rules.h"

#include <glib.h>

Rules *rules_new(const LbListener *listener)
{
    size_t size = sizeof(Rules) + listener->targets.n * sizeof(LbTarget) +
                  listener->allowed.n * sizeof(LbCidr);
    Rules *rules = g_malloc0(size);
    rules->targets = (LbTarget *)(rules + 1);
    rules->allowed = (LbCidr *)(rules->targets + listener->targets.n);
    LIST_EACH (const LbTarget *, target, &listener->targets)
        rules->targets[rules->targets_n++] = *target;
    LIST_EACH (const LbCidr *, cidr, &listener->allowed)
        rules->allowed[rules->allowed_n++] = *cidr;
    return rules;
}

static bool same_target(LbTarget a, LbTarget b)
{
    return a.address == b.address && a.port == b.port;
}

bool rules_match(const Rules *rules, const LbListener *listener)
{
    if (rules->targets_n != listener->targets.n || rules->allowed_n != listener->allowed.n)
        return false;
    unsigned i = 0;
    LIST_EACH (const LbTarget *, target, &listener->targets) {
        if (!same_target(rules->targets[i++], *target))
            return false;
    }
    i = 0;
    LIST_EACH (const LbCidr *, cidr, &listener->allowed) {
        const LbCidr *own = &rules->allowed[i++];
        if (own->network != cidr->network || own->mask != cidr->mask)
            return false;
    }
    return true;
}

bool rules_allow(const Rules *rules, uint32_t client)
{
    for (unsigned i = 0; i < rules->allowed_n; i++) {
        const LbCidr *cidr = &rules->allowed[i];
        if ((client & cidr->mask) == (cidr->network & cidr->mask))
            return true;
    }
    return false;
}

bool rules_have_target(const Rules *rules, LbTarget target)
{
    for (unsigned i = 0; i < rules->targets_n; i++) {
        if (same_target(rules->targets[i], target))
            return true;
    }
    return false;
}
