/* Lines of EC2's tools that are not made of the reply, or hold text of several lines. */
#include "cli/classic/ec2_lines.h"
#include "cli/classic/print.h"

#include <stdio.h>
#include <string.h>

static void print_cells(const Form *form, const List *cells)
{
    g_autoptr(GString) out = g_string_new(NULL);
    print_plain(form, cells, out);
    fputs(out->str, stdout);
}

/* cells end with NULL. */
static void print_words(const Form *form, const char *const *words)
{
    List cells = {0};
    for (; *words; words++)
        list_add(&cells, form->arena, *words);
    print_cells(form, &cells);
}

/* The text as it came, for g_free. */
static char *raw_text(const Element *result, const char *path)
{
    const Element *element = element_at(result, path);
    xmlChar *content = element ? xmlNodeGetContent((const xmlNode *)element) : NULL;
    char *text = g_strdup(content ? (const char *)content : "");
    xmlFree(content);
    return text;
}

void ec2_print_console(const Form *form, const Element *result)
{
    g_autofree char *base64 = raw_text(result, "output");
    gsize size;
    g_autofree guchar *text = g_base64_decode(base64, &size);
    puts(text_at(form->arena, result, "instanceId"));
    puts(text_at(form->arena, result, "timestamp"));
    fwrite(text, 1, size, stdout);
    if (size > 0 && text[size - 1] != '\n' && !form_kept(form, "raw-console-output"))
        putchar('\n');
}

void ec2_print_key_pair(const Form *form, const Element *result)
{
    print_words(form, (const char *const[]){"KEYPAIR", text_at(form->arena, result, "keyName"),
                                            text_at(form->arena, result, "keyFingerprint"), NULL});
    g_autofree char *material = raw_text(result, "keyMaterial");
    puts(g_strchomp(material));
}

/* ---- attributes ---- */

static const char *resource(const Form *form)
{
    static const char *const names[] = {"InstanceId", "ImageId", "SnapshotId", "VolumeId"};
    for (size_t i = 0; i < G_N_ELEMENTS(names); i++)
        if (*form_param(form, names[i]))
            return form_param(form, names[i]);
    return "";
}

/* "instanceType" of "InstanceType.Value". */
static const char *attribute_name(Arena *arena, const char *param)
{
    char *name = arena_strndup(arena, param, strcspn(param, "."));
    *name = g_ascii_tolower(*name);
    return name;
}

/* launchPermission  ami-…  ADD  userId  123456789012 */
static void print_permission(const Form *form, const Param *param, const char *way)
{
    bool group = g_str_has_suffix(param->name, ".Group");
    print_words(form,
                (const char *const[]){attribute_name(form->arena, param->name), resource(form), way,
                                      group ? "group" : "userId", param->value, NULL});
}

void ec2_print_changes(const Form *form, const Element *result)
{
    LIST_EACH (const Param *, param, &form->params) {
        const char *dot = strchr(param->name, '.');
        if (!dot)
            continue;
        if (g_str_has_prefix(dot, ".Add."))
            print_permission(form, param, "ADD");
        else if (g_str_has_prefix(dot, ".Remove."))
            print_permission(form, param, "REMOVE");
        else
            print_words(form, (const char *const[]){attribute_name(form->arena, param->name),
                                                    resource(form), param->value, NULL});
    }
}

/* ---- tags ---- */

static const char *type_of(const char *id)
{
    static const struct {
        const char *prefix, *type;
    } types[] = {{"i-", "instance"},    {"ami-", "image"},         {"vol-", "volume"},
                 {"snap-", "snapshot"}, {"sg-", "security-group"}, {"key-", "key-pair"},
                 {"vpc-", "vpc"},       {"subnet-", "subnet"}};
    for (size_t i = 0; i < G_N_ELEMENTS(types); i++)
        if (g_str_has_prefix(id, types[i].prefix))
            return types[i].type;
    return "";
}

static void print_tags_of(const Form *form, const char *id)
{
    LIST_EACH (const Param *, param, &form->params) {
        if (!g_str_has_prefix(param->name, "Tag.") || !g_str_has_suffix(param->name, ".Key"))
            continue;
        const char *value =
            arena_printf(form->arena, "%.*sValue", (int)strlen(param->name) - 3, param->name);
        print_words(form, (const char *const[]){"TAG", type_of(id), id, param->value,
                                                form_param(form, value), NULL});
    }
}

void ec2_print_tags(const Form *form, const Element *result)
{
    LIST_EACH (const Param *, param, &form->params)
        if (g_str_has_prefix(param->name, "ResourceId."))
            print_tags_of(form, param->value);
}

/* ---- rules ---- */

static void print_rule(const Form *form, const char *item, const char *group)
{
    Arena *arena = form->arena;
    const char *member[] = {"IpProtocol",        "FromPort",        "ToPort",
                            "IpRanges.1.CidrIp", "Groups.1.UserId", "Groups.1.GroupName",
                            "Groups.1.GroupId"};
    for (size_t i = 0; i < G_N_ELEMENTS(member); i++)
        member[i] = form_param(form, arena_printf(arena, "%s.%s", item, member[i]));
    List cells = {0};
    const char *const begin[] = {"PERMISSION", "",        group,     "ALLOWS",
                                 member[0],    member[1], member[2], "FROM"};
    const char *const cidr[] = {"CIDR", member[3]};
    const char *const user[] = {"USER", member[4], *member[6] ? "ID" : "NAME",
                                *member[6] ? member[6] : member[5]};
    for (size_t i = 0; i < G_N_ELEMENTS(begin); i++)
        list_add(&cells, arena, begin[i]);
    for (size_t i = 0; *member[3] && i < G_N_ELEMENTS(cidr); i++)
        list_add(&cells, arena, cidr[i]);
    for (size_t i = 0; !*member[3] && i < G_N_ELEMENTS(user); i++)
        list_add(&cells, arena, user[i]);
    bool egress = g_str_has_suffix(form->tool->action, "Egress");
    list_add(&cells, arena, egress ? "egress" : "ingress");
    print_cells(form, &cells);
}

void ec2_print_permissions(const Form *form, const Element *result)
{
    const char *name = form_param(form, "GroupName");
    const char *group = *name ? name : form_param(form, "GroupId");
    print_words(form, (const char *const[]){"GROUP", "", group, NULL});
    LIST_EACH (const Param *, param, &form->params)
        if (g_str_has_suffix(param->name, ".IpProtocol"))
            print_rule(form,
                       arena_strndup(form->arena, param->name,
                                     strlen(param->name) - strlen(".IpProtocol")),
                       group);
}
