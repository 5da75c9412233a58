/* See api_client.h. */
#include "tests/unit/api_client.h"

#include <arpa/inet.h>
#include <errno.h>
#include <stdbool.h>
#include <stdlib.h>
#include <sys/socket.h>
#include <unistd.h>

#define DEADLINE_SECONDS 20

Client client_connect(unsigned port)
{
    Client client = {.fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0),
                     .read = g_string_new(NULL)};
    const struct timeval deadline = {.tv_sec = DEADLINE_SECONDS};
    const struct sockaddr_in address = {.sin_family = AF_INET,
                                        .sin_port = htons((uint16_t)port),
                                        .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
    assert_true(client.fd >= 0);
    setsockopt(client.fd, SOL_SOCKET, SO_RCVTIMEO, &deadline, sizeof(deadline));
    setsockopt(client.fd, SOL_SOCKET, SO_SNDTIMEO, &deadline, sizeof(deadline));
    assert_int_equal(connect(client.fd, (const struct sockaddr *)&address, sizeof(address)), 0);
    return client;
}

void client_close(Client *client)
{
    if (client->fd >= 0)
        close(client->fd);
    client->fd = -1;
    if (client->read)
        g_string_free(client->read, TRUE);
    client->read = NULL;
}

void client_send(Client *client, const char *data, size_t size)
{
    while (size > 0) {
        ssize_t sent = send(client->fd, data, size, MSG_NOSIGNAL);
        if (sent < 0 && (errno == EPIPE || errno == ECONNRESET))
            return; /* the server may have had enough; what it said is still to be read */
        assert_true(sent > 0);
        data += sent;
        size -= (size_t)sent;
    }
}

void client_send_request(Client *client, const char *text)
{
    const char *end = strstr(text, "\n\n");
    const char *body = end ? end + 2 : "";
    g_autoptr(GString) wire = g_string_new(NULL);
    g_auto(GStrv) lines = g_strsplit(text, "\n", -1);
    for (char **line = lines; *line && **line; line++) {
        g_string_append(wire, *line);
        g_string_append(wire, line == lines ? " HTTP/1.1\r\n" : "\r\n");
    }
    g_string_append_printf(wire, "Content-Length: %zu\r\n\r\n%s", strlen(body), body);
    client_send(client, wire->str, wire->len);
}

/* False at the end of the stream. */
static bool receive_more(Client *client)
{
    char buffer[65536];
    ssize_t n = recv(client->fd, buffer, sizeof(buffer), 0);
    if (n < 0 && errno != ECONNRESET)
        fail_msg("nothing came within %d seconds: %s", DEADLINE_SECONDS, g_strerror(errno));
    if (n <= 0)
        return false;
    g_string_append_len(client->read, buffer, n);
    return true;
}

Answer client_receive(Client *client)
{
    Answer answer = {0};
    const char *end;
    while (!(end = strstr(client->read->str, "\r\n\r\n"))) {
        if (!receive_more(client))
            return answer;
    }
    size_t head = (size_t)(end - client->read->str) + 4;
    answer.head = g_strndup(client->read->str, head);
    answer.status = (unsigned)atoi(answer.head + strlen("HTTP/1.1 "));
    const char *length = strcasestr(answer.head, "Content-Length:");
    size_t size = length ? strtoul(length + strlen("Content-Length:"), NULL, 10) : 0;
    while (client->read->len < head + size)
        assert_true(receive_more(client));
    answer.body = g_strndup(client->read->str + head, size);
    g_string_erase(client->read, 0, (gssize)(head + size));
    return answer;
}

void answer_clear(Answer *answer)
{
    g_free(answer->head);
    g_free(answer->body);
    *answer = (Answer){0};
}
