/* What is counted and logged of exchanges besides what targets answered. */
#include "lb/http_exchange.h"

#include <string.h>

static AccessLine line_of(const HttpClient *client, const char *name)
{
    const TlsStream *tls = client->channel.tls;
    return (AccessLine){
        .name = name,
        .http = true,
        .began_us = g_get_real_time(),
        .client_address = client->address,
        .client_port = client->port,
        .request_us = -1,
        .target_us = -1,
        .response_us = -1,
        .cipher = tls ? tls_cipher(tls) : NULL,
        .protocol = tls ? tls_protocol(tls) : NULL,
    };
}

void exchange_log(Worker *worker, const HttpClient *client, const Exchange *exchange,
                  unsigned status)
{
    const Rules *rules = listener_rules(client->listener);
    if (!rules || !rules->log_name)
        return;
    AccessLine line = line_of(client, rules->log_name);
    line.code = status;
    if (exchange) {
        int64_t now = clock_us();
        line.began_us -= now - exchange->began_us;
        line.target_code = exchange->target_status;
        line.received = exchange->received;
        line.sent = exchange->returned;
        line.request = exchange->log_text;
        line.request_n = exchange->log_request_n;
        if (exchange->log_agent_n) {
            line.agent = exchange->log_text + exchange->log_request_n;
            line.agent_n = exchange->log_agent_n;
        }
        if (exchange->target) {
            line.target_address = exchange->target->address;
            line.target_port = exchange->target->port;
        }
        if (exchange->sent_us)
            line.request_us = exchange->sent_us - exchange->began_us;
        if (exchange->answered_us) {
            line.target_us = exchange->answered_us - exchange->sent_us;
            line.response_us = now - exchange->answered_us;
        }
    }
    access_log_add(&balancer_part(client->listener->balancer, worker)->log, &line);
}

void exchange_note_refusal(Worker *worker, HttpClient *client, Exchange *exchange, unsigned status)
{
    BalancerPart *part = balancer_part(client->listener->balancer, worker);
    counter_add(status < 500 ? &part->elb_4xx : &part->elb_5xx, 1);
    exchange_log(worker, client, exchange, status);
}

/* The URL as ELB logs it: with scheme, host and port. */
void exchange_keep_log_text(Exchange *exchange, const HttpHead *head)
{
    Listener *listener = exchange->client->listener;
    const Rules *rules = listener_rules(listener);
    if (!rules || !rules->log_name)
        return;
    bool tls = listener->protocol == LB_HTTPS;
    GString *text = g_string_sized_new(256);
    g_string_append_len(text, head->method.text, head->method.n);
    g_string_append(text, tls ? " https://" : " http://");
    g_string_append_len(text, head->host.text ? head->host.text : "", head->host.n);
    if (!head->host.n || !memchr(head->host.text, ':', head->host.n))
        g_string_append_printf(text, ":%u", listener->port);
    g_string_append_len(text, head->path.n ? head->path.text : "/",
                        head->path.n ? head->path.n : 1);
    g_string_append_printf(text, " HTTP/1.%u", head->minor);
    exchange->log_request_n = (int)text->len;
    g_string_append_len(text, head->agent.n ? head->agent.text : "", head->agent.n);
    exchange->log_agent_n = (int)head->agent.n;
    exchange->log_text = g_string_free(text, FALSE);
}
