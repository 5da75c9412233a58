/* What the tests of api/ share: requests made of text, keys, and two small services. */
#pragma once

#include "tests/unit/unit.h"
#include "api/dispatch.h"
#include "base/clock.h"
#include "base/fault.h"

#define FAKE_KEY "AKIDEXAMPLE"
#define FAKE_SECRET "wJalrXUtnFEMI/K7MDENG+bPxRfiCYEXAMPLEKEY"
/* 2026-11-22T09:30:05Z, when all signed examples were signed. */
#define FAKE_NOW INT64_C(1795339805000000)

#include "api/shape_types.h"
#include "tests/unit/api_fake.def"
#include "api/shape_end.h"

/* EC2's protocol, versions 2009-11-30 to 2016-11-15: Describe and Fail (READ), Create, Wait and
 * Break (WRITE), Ancient (until 2010-12-31), Recent (since 2014-01-01). */
extern const Service service_fake;
/* The Query protocol, version 2011-06-15: Echo, Silent. */
extern const Service service_mirror;

/* What Wait waits for, and what the handlers saw. One a process: handlers have no other way. */
void fake_gate_close(void);
void fake_gate_open(void);
unsigned fake_waiting(void);
const char *fake_last_digest(void);

/* Knows FAKE_KEY only. */
extern const KeySource fake_keys;

/* text: "POST /path?query\nHost: x\nName: value\n\nbody". */
HttpRequest *fake_request(Arena *arena, const char *text);

/* The same, with its parameters decoded and its claim read. */
void fake_signed(Arena *arena, const char *text, SignedRequest *ret_request, Claim *ret_claim);

/* Signs a request with Version 4: the whole of it as text, for FAKE_NOW or another time. */
char *fake_sign_v4(Arena *arena, const char *method, const char *host, const char *path,
                   const char *service, const char *body, int64_t now);
