/* Prints the tables of every service as JSON, for tests/client/test_shapes.py: actions with the
 * members of their requests and replies, by the names that go over the wire. EMBEDded shapes are
 * dissolved: on the wire there is no trace of them. */
#include "api/action.h"

#include <jansson.h>

static const Service *const services[] = {&service_autoscaling, &service_cloudwatch, &service_ec2,
                                          &service_elb,         &service_iam,        &service_sts};

static const char *const kinds[] = {
    [FIELD_STRING] = "string",   [FIELD_INT] = "int",     [FIELD_BOOL] = "bool",
    [FIELD_DOUBLE] = "double",   [FIELD_TIME] = "time",   [FIELD_STRINGS] = "strings",
    [FIELD_DOUBLES] = "doubles", [FIELD_TIMES] = "times", [FIELD_STRUCT] = "struct",
    [FIELD_STRUCTS] = "structs", [FIELD_EMBED] = "embed",
};

/* The element of a reply. */
static json_t *out_of(const Service *service, const Field *field)
{
    if (field->out)
        return json_string(field->out);
    g_autofree char *name = g_strdup(field->name);
    if (service->protocol == PROTOCOL_EC2)
        name[0] = g_ascii_tolower(name[0]);
    return json_string(name);
}

static const char *item_of(const Service *service, const Field *field)
{
    if (field->item)
        return field->item;
    return service->protocol == PROTOCOL_EC2 ? "item" : "member";
}

static json_t *values_of(const Field *field)
{
    json_t *values = json_array();
    for (const char *const *value = field->values; value && *value; value++)
        json_array_append_new(values, json_string(*value));
    return values;
}

static void add_members(const Service *service, const Shape *shape, json_t *members);

static json_t *member_of(const Service *service, const Field *field)
{
    json_t *member =
        json_pack("{s:s?, s:o, s:s, s:s, s:b, s:o}", "name", field->name, "out",
                  out_of(service, field), "kind", kinds[field->kind], "item",
                  item_of(service, field), "required", field->required, "values", values_of(field));
    if (field->shape) {
        json_t *members = json_array();
        add_members(service, field->shape(), members);
        json_object_set_new(member, "members", members);
    }
    return member;
}

static void add_members(const Service *service, const Shape *shape, json_t *members)
{
    for (size_t i = 0; i < shape->n_fields; i++) {
        const Field *field = &shape->fields[i];
        if (field->kind == FIELD_EMBED)
            add_members(service, field->shape(), members);
        else if (field->kind != FIELD_RENDERED)
            json_array_append_new(members, member_of(service, field));
    }
}

static json_t *action_of(const Service *service, const Action *action)
{
    json_t *request = json_array(), *reply = json_array();
    add_members(service, action->request(), request);
    add_members(service, action->reply(), reply);
    return json_pack("{s:o, s:o}", "request", request, "reply", reply);
}

int main(void)
{
    json_t *all = json_object();
    for (size_t i = 0; i < G_N_ELEMENTS(services); i++) {
        json_t *actions = json_object();
        for (size_t j = 0; j < services[i]->n_actions; j++)
            json_object_set_new(actions, services[i]->actions[j].name,
                                action_of(services[i], &services[i]->actions[j]));
        json_object_set_new(all, services[i]->name, actions);
    }
    int failed = json_dumpf(all, stdout, JSON_INDENT(1));
    json_decref(all);
    return failed ? 1 : 0;
}
