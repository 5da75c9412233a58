/* The instance metadata service, versions 1 and 2: who asks is told by the address he asks from.
 * Wire facts: "Instance metadata and user data", "Use IMDSv2" in the EC2 user guide. */
#pragma once

#include "api/http.h"
#include "api/imds/identity.h"
#include "cloud/cloud.h"

typedef struct Imds Imds;

/* For the guests of one VPC. identity is borrowed. */
Imds *imds_new(Cloud *cloud, const Identity *identity, const char *vpc_id);
/* The certificate (PEM, borrowed) of the authority that vouches for the cloud's https, shown as
 * dynamic/cumulet/authority.pem. Before it serves. */
void imds_set_authority(Imds *imds, const char *certificate);
void imds_free(Imds *imds); /* NULL is fine */

/* Answers one request; thread-safe and never waits. */
void imds_answer(Imds *imds, Arena *arena, const HttpRequest *request, HttpReply *reply);

/* Tokens, exposed for tests. A token is valid for the instance it was made for until expiry; it
 * holds nothing to look up. */
char *imds_token_make(Arena *arena, const uint8_t *secret, const char *instance_id, int64_t expiry);
bool imds_token_check(Arena *arena, const uint8_t *secret, const char *instance_id,
                      const char *token, int64_t now);
