/* State machines as data: one row a state, naming the states that may follow.
 *
 *     static const State rows[] = {
 *         [PENDING] = {"pending", TO(RUNNING) | TO(SHUTTING_DOWN)},
 *         ...
 *     };
 *     const StateMachine instance_machine = STATE_MACHINE("instance", rows);
 *
 * Pure data: shared by all threads. The names are what the wire and the store show. */
#pragma once

#include <glib.h>
#include <stdbool.h>
#include <stdint.h>

typedef struct State {
    const char *name;
    uint32_t next; /* bits TO(state) */
} State;

typedef struct StateMachine {
    const char *name;
    const State *states;
    size_t n; /* at most 32 */
} StateMachine;

#define TO(state) (UINT32_C(1) << (state))
#define STATE_MACHINE(label, rows)                                                                 \
    {                                                                                              \
        .name = (label), .states = (rows), .n = G_N_ELEMENTS(rows)                                 \
    }

const char *state_name(const StateMachine *machine, int state);
/* False when no state has that name. */
bool state_parse(const StateMachine *machine, const char *name, int *ret_state);
bool state_may_move(const StateMachine *machine, int from, int to);
/* Asserts that the move is allowed, traces it at debug level and writes *state. Persisting it
 * before acting on it is the caller's duty. */
void state_move(const StateMachine *machine, const char *id, int *state, int to);
