/* One instance, as the daemon's status tells of it. */
#pragma once

#include "cli/status.h"

/* Texts live in the arena; "" where the daemon says nothing. */
typedef struct Instance {
    const char *id;
    const char *state; /* EC2's names */
    const char *public_ip;
    const char *key_name;
    const char *console; /* path of the serial log */
} Instance;

/* Wrong usage unless text looks like an instance's id. */
bool instance_check_id(const char *id, GError **error);

/* Finds it in a status. False without error set: there is none of that id. */
bool instance_find(Arena *arena, const json_t *status, const char *id, Instance *ret_instance);

/* Asks the daemon; an unknown id is an error. */
bool instance_fetch(Arena *arena, const Target *target, const char *id, Instance *ret_instance,
                    GError **error);

/* Whether its machine has ended and will not come back without being started. */
bool instance_has_ended(const Instance *instance);
