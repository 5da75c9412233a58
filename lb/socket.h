/* What every TCP socket of the data plane gets. Descriptors are non-blocking and close-on-exec. */
#pragma once

#include <netinet/in.h>
#include <stdint.h>

/* Address and port in host byte order. */
struct sockaddr_in socket_address(uint32_t address, uint16_t port);

/* A listening socket, or -errno. What it sets, accepted sockets inherit: nothing needs setting on
 * those. */
int socket_listen(uint32_t address, uint16_t port);

/* A socket whose connection is under way, or -errno. */
int socket_connect(uint32_t address, uint16_t port);

/* Closes so that the other end sees a reset and no FIN. */
void socket_reset(int fd);
