/* Binds parameters into a request's structure through its shape (api/shape.h): lists as `X.1` and
 * `X.member.1` with any indices in numeric order, second names, bare values for objects, ranges,
 * lengths, allowed values, rows that only some API versions have.
 *
 * What a client gets wrong is a fault in the words of the protocol that it speaks. Pure. */
#pragma once

#include "api/action.h"
#include "api/query.h"

/* *ret_request is an object of the shape, in the arena. Marks what it binds as used. */
bool bind_request(Arena *arena, const Shape *shape, ParamNode *root, Protocol protocol,
                  const char *version, void **ret_request, GError **error);

/* Fails when a parameter was neither bound nor is one that every action knows (Action, Version,
 * what signing adds). EC2 only: the other Query services let unknown parameters pass. */
bool bind_check_unknown(ParamNode *root, Protocol protocol, GError **error);

/* A BOOL's value: "true", "True", "1" … False when it is none. */
bool bind_bool(const char *text, int *ret_value);
