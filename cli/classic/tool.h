/* What a tool of old is: one row of data. Generic code parses its options into the parameters of a
 * request, sends it, and prints the reply's lines.
 *
 * A row that no data can describe adds one function: `finish` (parameters out of several options)
 * or `print` (lines that are not of the reply's form). */
#pragma once

#include "base/arena.h"
#include "cli/classic/reply.h"

/* The four sets of tools. Each has its ways: how values of lists are given, how lines look. */
typedef struct Family {
    const char *prefix;       /* "elb" */
    const char *name;         /* "Elastic Load Balancing" */
    const char *signing_name; /* "elasticloadbalancing" */
    const char *url_variable; /* "AWS_ELB_URL" */
    const char *version;      /* of the API, where a tool's row does not say */
    /* EC2's tools: a value an option, lines separated by tabs, errors as "Client.Code: …". The
     * others: several values an option, padded columns, comma-separated with --show-long. */
    bool plain;
} Family;

extern const Family ec2_family, elb_family, as_family, mon_family;

typedef enum Kind {
    END,    /* of a row's options */
    TEXT,   /* param=value */
    FLAG,   /* no value: param=fields, "true" without fields */
    LIST,   /* param once each value, '#' replaced by its number */
    FIELDS, /* "a=1,b=2": param.A=1&param.B=2 by fields ("a=A b=B"); param may have a '#' */
    PAIRS,  /* "a=1,b=2": param.Name=a&param.Value=1 and so on; fields names both, "Name Value" */
    FILTER, /* "name=value": of EC2, values of one name together */
    BASE64, /* param=value in base64 */
    FILE64, /* param=content of a file in base64 */
    BLOCK,  /* "device=spec": a block device mapping */
    KEPT,   /* for the row's finish, by the option's first name */
    KEPT_FLAG,
} Kind;

enum {
    REQUIRED = 1,
    OPERAND = 2, /* may stand without the option's name: operands come in their rows' order */
    MANY = 4,    /* an operand that all further ones are, as those of LIST and FIELDS */
};

typedef struct Option {
    const char *name; /* without its hyphens, further names after spaces; NULL: an operand only */
    char letter;      /* or 0 */
    Kind kind;
    const char *param;
    const char *fields;
    unsigned flags;
} Option;

typedef struct Form Form;

typedef struct Tool {
    const char *names; /* "ec2-run-instances ec2run" */
    const char *summary;
    const char *action; /* NULL: it only prints */
    const char *version;
    const char *fixed; /* parameters that are always sent, "A=b&C=d"; those of options win */
    const Option *options;
    const Line *lines;
    const char *ok;      /* printed when it was done: "OK-Created launch config" */
    const char *confirm; /* asked before unless --force */
    bool (*finish)(Form *form, GError **error);
    void (*print)(const Form *form, const Element *result);
} Tool;

/* Tables end with a row without names. */
typedef struct ToolTable {
    const Family *family;
    const Tool *tools;
} ToolTable;
extern const ToolTable tool_tables[]; /* ends with one without family */

extern const Tool ec2_instance_tools[], ec2_attribute_tools[], ec2_image_tools[],
    ec2_volume_tools[], ec2_group_tools[], ec2_catalog_tools[], elb_tools[], elb_policy_tools[],
    as_group_tools[], as_change_tools[], mon_tools[];

/* NULL: there is none of that name. */
const Tool *tool_find(const char *name, const Family **ret_family);
/* All names that the tools have, the helpers among them (ec2-version, elb-cmd …): of const char *,
 * and NULL at the end. */
void tool_names(Arena *arena, List *list);
/* The tool's first name. */
const char *tool_name(Arena *arena, const Tool *tool);

/* Whether text is one of the words in words, which a space separates. Pure. */
bool words_have(const char *words, const char *text);
