/* Connections: from accept to end. All of it belongs to the worker's thread. */
#pragma once

#include "lb/listener.h"

/* Takes fd, an accepted socket whose client (host byte order) is allowed and counted. */
void relay_start(Worker *worker, Listener *listener, int fd, uint32_t client);

/* After a batch: turns of connections that had more to do, and the freeing of ended ones. True
 * when some have more to do still. */
bool relay_run_deferred(Worker *worker);
/* Ends attempts to connect and connections that are over their time. */
void relay_sweep(Worker *worker);
bool relay_has_connections(const Worker *worker);
/* Cuts connections of changed listeners whose client or target is not in the rules any more. */
void relay_review(Worker *worker);
void relay_end_all(Worker *worker);
