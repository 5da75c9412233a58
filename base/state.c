/* State machines as data.
 *
 * Invariant: *state changes only along an arrow of the table; any other move is a programmer's
 * error and ends the process, before the store can hold an impossible state. */
#include "base/state.h"

static const State *row_of(const StateMachine *machine, int state)
{
    g_assert(machine->n <= 32 && state >= 0 && (size_t)state < machine->n);
    return &machine->states[state];
}

const char *state_name(const StateMachine *machine, int state)
{
    return row_of(machine, state)->name;
}

bool state_parse(const StateMachine *machine, const char *name, int *ret_state)
{
    for (size_t i = 0; i < machine->n; i++) {
        if (g_strcmp0(machine->states[i].name, name) == 0 && name) {
            *ret_state = (int)i;
            return true;
        }
    }
    return false;
}

bool state_may_move(const StateMachine *machine, int from, int to)
{
    row_of(machine, to);
    return row_of(machine, from)->next & TO(to);
}

void state_move(const StateMachine *machine, const char *id, int *state, int to)
{
    if (!state_may_move(machine, *state, to))
        g_error("%s %s: no way from %s to %s", machine->name, id, state_name(machine, *state),
                state_name(machine, to));
    g_debug("%s %s: %s -> %s", machine->name, id, state_name(machine, *state),
            state_name(machine, to));
    *state = to;
}
