/* What the kinds of options make of their values. */
#include "cli/classic/arguments.h"
#include "base/file.h"
#include "cli/command.h"

#include <string.h>

#define FILE_MAX ((size_t)1024 * 1024)

typedef bool (*AddValue)(Form *form, const Option *option, const char *value, GError **error);

static const char *shown(const Form *form, const Option *option)
{
    return option_synopsis(form->arena, form->family, option);
}

static bool add_text(Form *form, const Option *option, const char *value, GError **error)
{
    form_add(form, option->param, value);
    return true;
}

static bool add_flag(Form *form, const Option *option, const char *value, GError **error)
{
    form_add(form, option->param, option->fields ? option->fields : "true");
    return true;
}

static bool add_list(Form *form, const Option *option, const char *value, GError **error)
{
    g_auto(GStrv) parts = g_strsplit(value, form->family->plain ? "\n" : ",", -1);
    for (size_t i = 0; parts[i]; i++)
        if (*g_strstrip(parts[i]))
            form_add(form, option->param, parts[i]);
    return true;
}

static bool add_kept(Form *form, const Option *option, const char *value, GError **error)
{
    Param *kept = arena_new_struct(form->arena, Param);
    *kept = (Param){.name = option_key(form->arena, option), .value = value ? value : ""};
    list_add(&form->kept, form->arena, kept);
    return true;
}

/* "Listeners.member.3" of "Listeners.member.#". */
static const char *next_item(Form *form, const char *param)
{
    const char *hash = strchr(param, '#');
    if (!hash)
        return param;
    const char *list = arena_strndup(form->arena, param, (size_t)(hash - param) - 1);
    return arena_printf(form->arena, "%s.%u", list, form_next(form, list));
}

/* "LoadBalancerPort" for "lb-port" in "protocol=Protocol lb-port=LoadBalancerPort". */
static const char *find_field(Arena *arena, const char *fields, const char *name)
{
    size_t length = strlen(name);
    for (const char *at = fields; *at; at += strcspn(at, " "), at += strspn(at, " "))
        if (g_ascii_strncasecmp(at, name, length) == 0 && at[length] == '=')
            return arena_strndup(arena, at + length + 1, strcspn(at + length + 1, " "));
    return NULL;
}

static bool add_fields(Form *form, const Option *option, const char *value, GError **error)
{
    const char *item = next_item(form, option->param);
    g_auto(GStrv) parts = g_strsplit(value, ",", -1);
    for (size_t i = 0; parts[i]; i++) {
        char *equals = strchr(g_strstrip(parts[i]), '=');
        if (!*parts[i])
            continue;
        if (equals)
            *equals = '\0';
        const char *field = find_field(form->arena, option->fields, parts[i]);
        if (!equals || !field)
            return usage_set(error, "Invalid argument for '%s': '%s' in '%s'; there are %s",
                             shown(form, option), parts[i], value, option->fields);
        form_add(form, arena_printf(form->arena, "%s.%s", item, field), equals + 1);
    }
    return true;
}

/* "key=value" as item.Name and item.Value. A tag may lack its value: it is then empty, or is not
 * sent where its name ends with '?'. */
static bool add_pair(Form *form, const Option *option, const char *text, GError **error)
{
    g_auto(GStrv) names = g_strsplit(option->fields ? option->fields : "Name Value", " ", 2);
    bool optional = g_str_has_suffix(names[1], "?");
    const char *equals = strchr(text, '=');
    if (equals == text || (!equals && strcmp(names[0], "Key") != 0))
        return usage_set(error, "Invalid argument for '%s': '%s' is not of the form NAME=VALUE",
                         shown(form, option), text);
    if (optional)
        names[1][strlen(names[1]) - 1] = '\0';
    const char *item = next_item(form, option->param);
    form_add(form, arena_printf(form->arena, "%s.%s", item, names[0]),
             arena_strndup(form->arena, text, strcspn(text, "=")));
    if (equals || !optional)
        form_add(form, arena_printf(form->arena, "%s.%s", item, names[1]),
                 equals ? equals + 1 : "");
    return true;
}

static bool add_pairs(Form *form, const Option *option, const char *value, GError **error)
{
    g_auto(GStrv) parts = g_strsplit(value, form->family->plain ? "\n" : ",", -1);
    for (size_t i = 0; parts[i]; i++)
        if (*g_strstrip(parts[i]) && !add_pair(form, option, parts[i], error))
            return false;
    return true;
}

/* Filters of one name are one filter with several values. */
static bool add_filter(Form *form, const Option *option, const char *value, GError **error)
{
    const char *equals = strchr(value, '=');
    if (!equals || equals == value)
        return usage_set(error, "Invalid argument for '%s': '%s' is not of the form NAME=VALUE",
                         shown(form, option), value);
    const char *name = arena_strndup(form->arena, value, (size_t)(equals - value));
    const char *item = NULL;
    LIST_EACH (const Param *, param, &form->params)
        if (g_str_has_prefix(param->name, "Filter.") && g_str_has_suffix(param->name, ".Name") &&
            strcmp(param->value, name) == 0)
            item = arena_strndup(form->arena, param->name, strlen(param->name) - 5);
    if (!item) {
        item = next_item(form, option->param);
        form_add(form, arena_printf(form->arena, "%s.Name", item), name);
    }
    form_add(form, arena_printf(form->arena, "%s.Value.#", item), equals + 1);
    return true;
}

static bool add_base64(Form *form, const Option *option, const char *value, GError **error)
{
    g_autofree char *text = g_base64_encode((const guchar *)value, strlen(value));
    form_add(form, option->param, text);
    return true;
}

static bool add_file(Form *form, const Option *option, const char *value, GError **error)
{
    g_autofree char *content = NULL;
    size_t size;
    if (!file_read(value, FILE_MAX, &content, &size, error))
        return false;
    g_autofree char *text = g_base64_encode((const guchar *)content, size);
    form_add(form, option->param, text);
    return true;
}

static void add_member(Form *form, const char *item, const char *name, const char *value)
{
    if (value && *value)
        form_add(form, arena_printf(form->arena, "%s.%s", item, name), value);
}

/* "/dev/sdb=ephemeral0", "/dev/sdc=none", "/dev/sdh=SNAPSHOT:SIZE:DELETE:TYPE:IOPS". */
static bool add_block(Form *form, const Option *option, const char *value, GError **error)
{
    const char *equals = strchr(value, '=');
    if (!equals || equals == value || !equals[1])
        return usage_set(error, "Invalid argument for '%s': '%s' is not of the form DEVICE=SPEC",
                         shown(form, option), value);
    const char *item = next_item(form, option->param);
    const char *spec = equals + 1;
    add_member(form, item, "DeviceName",
               arena_strndup(form->arena, value, (size_t)(equals - value)));
    if (g_str_has_prefix(spec, "ephemeral")) {
        add_member(form, item, "VirtualName", spec);
        return true;
    }
    if (strcmp(spec, "none") == 0) {
        form_add(form, arena_printf(form->arena, "%s.NoDevice", item),
                 form->family->plain ? "" : "true");
        return true;
    }
    static const char *const members[] = {"Ebs.SnapshotId", "Ebs.VolumeSize",
                                          "Ebs.DeleteOnTermination", "Ebs.VolumeType", "Ebs.Iops"};
    g_auto(GStrv) parts = g_strsplit(spec, ":", -1);
    if (g_strv_length(parts) > G_N_ELEMENTS(members))
        return usage_set(error, "Invalid argument for '%s': '%s' has too many parts",
                         shown(form, option), value);
    for (size_t i = 0; parts[i]; i++)
        add_member(form, item, members[i], parts[i]);
    return true;
}

bool argument_add(Form *form, const Option *option, const char *value, GError **error)
{
    static const AddValue add_value[] = {
        [TEXT] = add_text,   [FLAG] = add_flag,     [LIST] = add_list,      [FIELDS] = add_fields,
        [PAIRS] = add_pairs, [FILTER] = add_filter, [BASE64] = add_base64,  [FILE64] = add_file,
        [BLOCK] = add_block, [KEPT] = add_kept,     [KEPT_FLAG] = add_kept,
    };
    return add_value[option->kind](form, option, value, error);
}
