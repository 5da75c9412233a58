/* Socket options of the data plane, in one place. */
#include "lb/socket.h"

#include "base/file.h"
#include <errno.h>
#include <netinet/tcp.h>
#include <sys/socket.h>
#include <unistd.h>

enum { BACKLOG = 4096 };

struct sockaddr_in socket_address(uint32_t address, uint16_t port)
{
    return (struct sockaddr_in){
        .sin_family = AF_INET, .sin_port = htons(port), .sin_addr.s_addr = htonl(address)};
}

/* Failures are no reason to refuse service: the socket then works a little worse. */
static void tune(int fd)
{
    static const char congestion[] = "reno";
    int one = 1;
    /* A relay passes on what it gets when it gets it; waiting for more is the sender's choice. */
    setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &one, sizeof one);
    /* These connections stay inside one computer or its LAN. bbr, where it is the default, paces
     * them with timers and doubles the CPU per byte. */
    setsockopt(fd, IPPROTO_TCP, TCP_CONGESTION, congestion, sizeof congestion - 1);
}

static int socket_open(void)
{
    int fd = socket(AF_INET, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
    if (fd < 0)
        return -errno;
    tune(fd);
    return fd;
}

int socket_listen(uint32_t address, uint16_t port)
{
    autofd fd = socket_open();
    if (fd < 0)
        return fd;
    int one = 1;
    /* A restart must not wait for the old process's connections to leave TIME_WAIT. */
    if (setsockopt(fd, SOL_SOCKET, SO_REUSEADDR, &one, sizeof one) < 0)
        return -errno;
    struct sockaddr_in where = socket_address(address, port);
    if (bind(fd, (struct sockaddr *)&where, sizeof where) < 0 || listen(fd, BACKLOG) < 0)
        return -errno;
    return fd_steal(&fd);
}

int socket_connect(uint32_t address, uint16_t port)
{
    autofd fd = socket_open();
    if (fd < 0)
        return fd;
    struct sockaddr_in where = socket_address(address, port);
    if (connect(fd, (struct sockaddr *)&where, sizeof where) < 0 && errno != EINPROGRESS)
        return -errno;
    return fd_steal(&fd);
}

void socket_reset(int fd)
{
    struct linger now = {.l_onoff = 1, .l_linger = 0};
    setsockopt(fd, SOL_SOCKET, SO_LINGER, &now, sizeof now);
    close(fd);
}
