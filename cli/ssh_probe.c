/* Whether an SSH server answers: one non-blocking connection with a deadline. */
#include "cli/ssh_probe.h"
#include "base/file.h"

#include <errno.h>
#include <netdb.h>
#include <poll.h>
#include <string.h>
#include <sys/socket.h>

#define GREETING "SSH-"

static bool wait_for(int fd, short events, int64_t deadline)
{
    for (;;) {
        int64_t left_ms = (deadline - g_get_monotonic_time()) / 1000;
        struct pollfd poll_fd = {.fd = fd, .events = events};
        int n = poll(&poll_fd, 1, (int)CLAMP(left_ms, 0, G_MAXINT));
        if (n >= 0 || errno != EINTR)
            return n > 0;
    }
}

static bool connected(int fd, const struct addrinfo *to, int64_t deadline)
{
    if (connect(fd, to->ai_addr, to->ai_addrlen) == 0)
        return true;
    int problem = errno;
    socklen_t size = sizeof(problem);
    return problem == EINPROGRESS && wait_for(fd, POLLOUT, deadline) &&
           getsockopt(fd, SOL_SOCKET, SO_ERROR, &problem, &size) == 0 && problem == 0;
}

static bool greets(int fd, int64_t deadline)
{
    char greeting[sizeof(GREETING) - 1];
    size_t have = 0;
    while (have < sizeof(greeting)) {
        if (!wait_for(fd, POLLIN, deadline))
            return false;
        ssize_t n = recv(fd, greeting + have, sizeof(greeting) - have, 0);
        if (n <= 0)
            return false;
        have += (size_t)n;
    }
    return memcmp(greeting, GREETING, sizeof(greeting)) == 0;
}

bool ssh_answers(const char *address, const char *port, unsigned timeout_ms)
{
    int64_t deadline = g_get_monotonic_time() + (int64_t)timeout_ms * 1000;
    const struct addrinfo hints = {.ai_socktype = SOCK_STREAM,
                                   .ai_flags = AI_NUMERICHOST | AI_NUMERICSERV};
    struct addrinfo *found;
    if (getaddrinfo(address, port ? port : "22", &hints, &found) != 0)
        return false;
    autofd fd = socket(found->ai_family, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
    bool answers = fd >= 0 && connected(fd, found, deadline) && greets(fd, deadline);
    freeaddrinfo(found);
    return answers;
}
