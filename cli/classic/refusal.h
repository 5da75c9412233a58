/* How the tools say that something failed. */
#pragma once

#include "cli/classic/form.h"
#include "cli/request.h"

/* Of an answer that is an error document. Returns false. */
bool refusal_set(const Form *form, const Answer *answer, GError **error);
/* The line on standard error: "Client.InvalidAMIID.NotFound: …" of EC2's tools, "elb-describe-lbs:
 * Malformed input-…" of the others. */
const char *refusal_line(const Form *form, const GError *error);

/* Errors whose message is the line's end already. */
#define REFUSAL_DOMAIN refusal_domain()
GQuark refusal_domain(void);
