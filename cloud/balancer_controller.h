/* The controller of load balancers: what probes find is put on record, and registrations that have
 * drained are forgotten. Listeners are opened by network_controller.c from the same plan. Private
 * to cloud/. */
#pragma once

#include "cloud/balancer_plan.h"

/* Its work: one key, whatever it is. For a queue of the cloud. */
int64_t balancers_step(void *cloud, const char *unused);
/* Has it look at all balancers again. Never blocks. */
void balancers_wake(Cloud *cloud);

/* Starts and ends the probes of a site that carries packets. */
bool balancers_open_probes(Site *site, GError **error);

/* What of the listeners could not be opened, put on record: failures are LbFailure *. True in
 * *ret_again: some could not. */
bool balancers_record_failures(Site *site, const List *planned, const List *failures,
                               bool *ret_again, GError **error);
