/* The status report for people: a block of facts, then a table for each kind of thing. */
#include "cli/clock_text.h"
#include "cli/status.h"
#include "cli/text.h"

#include <string.h>

/* json_object_get takes NULL and other types for "not there". Numbers become text. */
static const char *text_of(Arena *arena, const json_t *object, const char *key)
{
    const json_t *value = json_object_get(object, key);
    if (json_is_integer(value))
        return arena_printf(arena, "%lld", (long long)json_integer_value(value));
    return text_printable(arena, json_string_value(value));
}

static bool has(const json_t *object, const char *key)
{
    const json_t *value = json_object_get(object, key);
    return json_is_integer(value) || (json_is_string(value) && json_string_length(value) > 0);
}

/* One member after another: ", the processor has vmx". Nothing when it is missing; without the
 * punctuation when it is the line's first. */
static void append(Arena *arena, GString *line, const char *before, const json_t *object,
                   const char *key, const char *after)
{
    if (!has(object, key))
        return;
    if (line->len == 0)
        before += strspn(before, ",;: ");
    g_string_append_printf(line, "%s%s%s", before, text_of(arena, object, key), after);
}

static void append_domains(Arena *arena, GString *line, const json_t *domains)
{
    size_t i;
    json_t *domain;
    json_array_foreach((json_t *)domains, i, domain)
    {
        g_string_append_printf(line, "%s%s", i ? ", " : ": ",
                               text_printable(arena, json_string_value(domain)));
    }
}

static void show_fact(GString *out, const char *label, GString *line)
{
    if (line->len)
        g_string_append_printf(out, "%-11s%s\n", label, line->str);
    g_string_truncate(line, 0);
}

static void show_facts(Arena *arena, const json_t *status, GString *out)
{
    const json_t *backend = json_object_get(status, "backend");
    const json_t *network = json_object_get(status, "network");
    const json_t *addresses = json_object_get(status, "addresses");
    const json_t *uptime = json_object_get(status, "uptime_seconds");
    g_autoptr(GString) line = g_string_new(NULL);

    append(arena, line, "", status, "version", "");
    append(arena, line, ", process ", status, "pid", "");
    if (json_is_number(uptime))
        g_string_append_printf(line, ", up %s",
                               text_duration(arena, (int64_t)json_number_value(uptime)));
    show_fact(out, "daemon", line);
    append(arena, line, "", status, "endpoint", "");
    append(arena, line, ", region ", status, "region", "");
    append(arena, line, ", account ", status, "account_id", "");
    show_fact(out, "endpoint", line);
    append(arena, line, "", status, "state_dir", "");
    show_fact(out, "state", line);

    append(arena, line, "", backend, "name", "");
    if (strcmp(text_of(arena, backend, "accelerator"), "none") != 0)
        append(arena, line, ", ", backend, "accelerator", "");
    append(arena, line, ": ", backend, "reason", "");
    append(arena, line, "; ", backend, "uri", "");
    show_fact(out, "backend", line);
    append(arena, line, "", backend, "cpus", " processors");
    append(arena, line, ", ", backend, "memory_used_mib", "");
    /* What guests may have in all; the host's memory is more. */
    append(arena, line, " of ", backend,
           has(backend, "memory_limit_mib") ? "memory_limit_mib" : "memory_mib",
           " MiB of memory used");
    show_fact(out, "capacity", line);
    append(arena, line, "", network, "backend", "");
    append(arena, line, ", router ", network, "router", "");
    append(arena, line, ", way out ", network, "way_out", "");
    append(arena, line, "; ", network, "privileges", "");
    show_fact(out, "network", line);
    const json_t *dns = json_object_get(status, "dns");
    if (has(dns, "port")) {
        append(arena, line, "", dns, "address", "");
        append(arena, line, " port ", dns, "port", "");
        append_domains(arena, line, json_object_get(dns, "domains"));
    }
    show_fact(out, "names", line);
    /* Only when it is not as everybody expects. */
    const json_t *clock = json_object_get(status, "clock");
    if (json_number_value(json_object_get(clock, "speed")) > 1 ||
        json_number_value(json_object_get(clock, "ahead_seconds")) > 0)
        g_string_append_printf(line, "metrics and scaling: %s", clock_text(arena, clock));
    show_fact(out, "clock", line);
    append(arena, line, "", addresses, "used", " used");
    append(arena, line, " of ", addresses, "pool", "");
    show_fact(out, "addresses", line);
}

/* A column: its title and the members, the first of which that is there is shown. */
typedef struct Column {
    const char *title;
    const char *keys[2];
} Column;

static const Column instance_columns[] = {
    {"INSTANCE", {"id"}},        {"STATE", {"state"}},  {"ADDRESS", {"public_ip"}},
    {"PRIVATE", {"private_ip"}}, {"TYPE", {"type"}},    {"IMAGE", {"image_id"}},
    {"ZONE", {"zone"}},          {"KEY", {"key_name"}}, {"SINCE", {"launch_time"}},
    {"NAME", {"name"}},
};

static const Column image_columns[] = {
    {"IMAGE", {"id"}},
    {"KIND", {"kind"}},
    {"NAME", {"name"}},
};

static const Column balancer_columns[] = {
    {"LOAD BALANCER", {"name"}},
    {"ADDRESS", {"address"}},
    {"IN SERVICE", {"in_service"}},
    {"NAME", {"dns_name"}},
};

static void show_table(Arena *arena, const json_t *rows, const Column *columns, size_t n,
                       GString *out)
{
    if (json_array_size(rows) == 0)
        return;
    TextTable table = {.columns = n};
    for (size_t i = 0; i < n; i++)
        text_table_add(&table, arena, columns[i].title);
    size_t row_i;
    json_t *row;
    json_array_foreach((json_t *)rows, row_i, row)
    {
        for (size_t i = 0; i < n; i++) {
            bool second = columns[i].keys[1] && !has(row, columns[i].keys[0]);
            text_table_add(&table, arena, text_of(arena, row, columns[i].keys[second]));
        }
    }
    g_string_append_c(out, '\n');
    text_table_show(&table, out);
}

static void show_problems(Arena *arena, const json_t *problems, GString *out)
{
    if (json_array_size(problems) == 0)
        return;
    g_string_append(out, "\nPROBLEMS\n");
    size_t i;
    json_t *problem;
    json_array_foreach((json_t *)problems, i, problem)
    {
        g_string_append_printf(out, "- %s\n", text_printable(arena, json_string_value(problem)));
    }
}

void status_show(Arena *arena, const json_t *status, GString *out)
{
    const json_t *instances = json_object_get(status, "instances");
    show_facts(arena, status, out);
    if (json_array_size(instances) == 0)
        g_string_append(out, "instances  none\n");
    show_table(arena, instances, instance_columns, G_N_ELEMENTS(instance_columns), out);
    show_table(arena, json_object_get(status, "load_balancers"), balancer_columns,
               G_N_ELEMENTS(balancer_columns), out);
    show_table(arena, json_object_get(status, "images"), image_columns, G_N_ELEMENTS(image_columns),
               out);
    show_problems(arena, json_object_get(status, "problems"), out);
}
