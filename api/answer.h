/* Replies and refusals in the form that the client speaks. */
#pragma once

#include "api/document.h"

/* A reply to what came. */
typedef struct Answer {
    Arena *arena;
    WireForm form;
    const Service *service; /* NULL: not recognised */
    const char *version, *request_id;
} Answer;

/* Status, content type and the form's own headers. */
void answer_head(const Answer *to, unsigned status, HttpReply *reply);
void answer_with_object(const Answer *to, const Action *action, const void *object,
                        HttpReply *reply);
void answer_with_error(const Answer *to, const GError *error, HttpReply *reply);
