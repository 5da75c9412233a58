/* TCP connections: from accept to end. All of it belongs to the worker's thread. */
#pragma once

#include "lb/listener.h"

/* Takes fd, an accepted socket whose client (host byte order) is allowed and counted. */
void relay_start(Worker *worker, Listener *listener, int fd, uint32_t client, uint16_t client_port);
