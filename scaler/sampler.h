/* The sampler: what the hypervisor counts of every machine, as metrics of AWS/EC2; and the hand
 * that keeps metrics tidy. A thread of its own; all machines are asked for in one call.
 *
 * A sample is taken every five seconds, and more often when the fast clock is fast: every half of
 * its minutes, but no more than ten times a second. What was counted between two samples is spread
 * over the fast clock's minutes in between, so that each of them has its part, however fast they
 * pass. */
#pragma once

#include "cloud/cloud.h"

typedef struct Sampler Sampler;

/* Begins; the cloud must outlive it. */
Sampler *sampler_start(Cloud *cloud);
void sampler_stop(Sampler *sampler); /* NULL is fine */
