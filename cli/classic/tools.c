/* All tools, by their names. */
#include "cli/classic/helpers.h"
#include "cli/classic/tool.h"

#include <string.h>

const Family ec2_family = {
    .prefix = "ec2",
    .name = "Amazon EC2",
    .signing_name = "ec2",
    .url_variable = "EC2_URL",
    .version = "2013-02-01",
    .plain = true,
};

const Family elb_family = {
    .prefix = "elb",
    .name = "Elastic Load Balancing",
    .signing_name = "elasticloadbalancing",
    .url_variable = "AWS_ELB_URL",
    .version = "2012-06-01",
};

const Family as_family = {
    .prefix = "as",
    .name = "Auto Scaling",
    .signing_name = "autoscaling",
    .url_variable = "AWS_AUTO_SCALING_URL",
    .version = "2011-01-01",
};

const Family mon_family = {
    .prefix = "mon",
    .name = "CloudWatch",
    .signing_name = "monitoring",
    .url_variable = "AWS_CLOUDWATCH_URL",
    .version = "2010-08-01",
};

const ToolTable tool_tables[] = {
    {&ec2_family, ec2_instance_tools}, {&ec2_family, ec2_attribute_tools},
    {&ec2_family, ec2_image_tools},    {&ec2_family, ec2_volume_tools},
    {&ec2_family, ec2_group_tools},    {&ec2_family, ec2_catalog_tools},
    {&elb_family, elb_tools},          {&elb_family, elb_policy_tools},
    {&as_family, as_group_tools},      {&as_family, as_change_tools},
    {&mon_family, mon_tools},          {NULL, NULL},
};

const Tool *tool_find(const char *name, const Family **ret_family)
{
    for (const ToolTable *table = tool_tables; table->family; table++) {
        for (const Tool *tool = table->tools; tool->names; tool++) {
            if (words_have(tool->names, name)) {
                *ret_family = table->family;
                return tool;
            }
        }
    }
    return NULL;
}

void tool_names(Arena *arena, List *list)
{
    for (const ToolTable *table = tool_tables; table->family; table++) {
        for (const Tool *tool = table->tools; tool->names; tool++) {
            g_auto(GStrv) names = g_strsplit(tool->names, " ", -1);
            for (size_t i = 0; names[i]; i++)
                list_add(list, arena, arena_strdup(arena, names[i]));
        }
    }
    helper_names(arena, list);
    list_add(list, arena, NULL);
}

const char *tool_name(Arena *arena, const Tool *tool)
{
    return arena_strndup(arena, tool->names, strcspn(tool->names, " "));
}
