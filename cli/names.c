/* Names out of the daemon's status. */
#include "cli/names.h"

#include "base/fault.h"
#include "cli/status.h"
#include <arpa/inet.h>
#include <string.h>

#define DOMAIN_MAX 253

bool name_is_plain(const char *name)
{
    size_t n = strlen(name);
    for (size_t i = 0; i < n; i++) {
        if (!g_ascii_isalnum(name[i]) && name[i] != '-' && name[i] != '.')
            return false;
    }
    return n > 0 && n <= DOMAIN_MAX && name[0] != '.' && name[0] != '-' && !strstr(name, "..");
}

static bool is_address(const char *text)
{
    struct in_addr address;
    return text && inet_pton(AF_INET, text, &address) == 1;
}

static const char *text_of(const json_t *object, const char *key)
{
    return json_string_value(json_object_get(object, key));
}

static bool read_server(Arena *arena, const json_t *dns, DnsServerFacts *facts)
{
    json_int_t port = json_integer_value(json_object_get(dns, "port"));
    const char *address = text_of(dns, "address");
    if (!is_address(address) || port < 1 || port > 65535)
        return false;
    *facts = (DnsServerFacts){.address = arena_strdup(arena, address), .port = (unsigned)port};
    size_t i;
    json_t *domain;
    json_array_foreach(json_object_get(dns, "domains"), i, domain)
    {
        const char *name = json_string_value(domain);
        if (name && name_is_plain(name))
            list_add(&facts->domains, arena, arena_strdup(arena, name));
    }
    return facts->domains.n > 0;
}

bool names_fetch_server(Call *call, DnsServerFacts *ret_facts, GError **error)
{
    Target target;
    json_t *status;
    if (!target_open(call, &target, error) || !status_fetch(call->arena, &target, &status, error))
        return false;
    bool ok = read_server(call->arena, json_object_get(status, "dns"), ret_facts);
    json_decref(status);
    return ok || trouble_set(error, "the daemon answers no DNS questions; start it with "
                                    "--dns-port N");
}

/* ---- lines for /etc/hosts ---- */

static void append_host(const char *address, const char *name, GString *text)
{
    if (is_address(address) && name && name_is_plain(name))
        g_string_append_printf(text, "%s\t%s\n", address, name);
}

static void append_hosts(const json_t *rows, const char *address, const char *name, GString *text)
{
    size_t i;
    json_t *row;
    json_array_foreach((json_t *)rows, i, row)
    {
        append_host(text_of(row, address), text_of(row, name), text);
    }
}

/* The address of "http://127.0.0.1:4566"; one that listens everywhere is reached by the loopback.
 */
static char *endpoint_address(const char *url)
{
    const char *host = url ? strstr(url, "://") : NULL;
    if (!host)
        return NULL;
    host += strlen("://");
    char *address = g_strndup(host, strcspn(host, ":/"));
    if (strcmp(address, "0.0.0.0") != 0)
        return address;
    g_free(address);
    return g_strdup("127.0.0.1");
}

static void append_endpoint(const json_t *status, GString *text)
{
    static const char *const services[] = {
        "ec2", "s3", "elasticloadbalancing", "autoscaling", "monitoring", "iam", "sts"};
    g_autofree char *address = endpoint_address(text_of(status, "endpoint"));
    const char *suffix = json_string_value(
        json_array_get(json_object_get(json_object_get(status, "dns"), "domains"), 0));
    if (!suffix)
        return;
    append_host(address, suffix, text);
    for (size_t i = 0; i < G_N_ELEMENTS(services); i++) {
        g_autofree char *name = g_strdup_printf("%s.%s", services[i], suffix);
        append_host(address, name, text);
    }
}

void names_append_hosts(const json_t *status, GString *text)
{
    append_endpoint(status, text);
    append_hosts(json_object_get(status, "load_balancers"), "address", "dns_name", text);
    append_hosts(json_object_get(status, "instances"), "public_ip", "public_dns", text);
}
