/* What a policy is made of, and what its parts share. Private to cloud/policy*.c. */
#pragma once

#include "cloud/policy.h"

typedef enum PrincipalKind {
    PRINCIPAL_ANYBODY,
    PRINCIPAL_ACCOUNT,   /* text: its id */
    PRINCIPAL_ARN,       /* of a user or role; a user's path left out, as his name is enough */
    PRINCIPAL_USER_ID,   /* AIDA…: what is left of a user that is gone */
    PRINCIPAL_CANONICAL, /* text: an account's canonical id */
    PRINCIPAL_NOBODY,    /* services and identity providers: none of them asks here */
} PrincipalKind;

typedef struct Principal {
    PrincipalKind kind;
    const char *text;
} Principal;

/* How a fact's value is compared with a policy's. */
typedef enum Comparison {
    COMPARE_STRING,
    COMPARE_STRING_IGNORE_CASE,
    COMPARE_STRING_LIKE,
    COMPARE_NUMBER,
    COMPARE_DATE,
    COMPARE_BOOL,
    COMPARE_BINARY,
    COMPARE_IP,
    COMPARE_ARN,
    COMPARE_NULL,
} Comparison;

/* Which results of comparing (value of the request against the policy's) are meant. */
typedef enum Relation {
    RELATION_EQUAL,
    RELATION_LESS,
    RELATION_LESS_OR_EQUAL,
    RELATION_GREATER,
    RELATION_GREATER_OR_EQUAL,
} Relation;

typedef struct Operator {
    const char *name; /* "StringNotEquals" */
    Comparison comparison;
    bool negated;
    Relation relation; /* of numbers and dates */
} Operator;

typedef enum Quantifier { QUANTIFIER_NONE, QUANTIFIER_ALL, QUANTIFIER_ANY } Quantifier;

typedef struct Condition {
    const Operator *test;
    Quantifier quantifier;
    bool if_exists;
    const char *key;
    List values; /* of const char * */
} Condition;

typedef struct Statement {
    bool deny;
    bool not_principal, not_action, not_resource; /* the list says who or what it is not for */
    List principals;                              /* of Principal *; of resources' policies */
    List actions, resources;                      /* of const char * */
    List conditions;                              /* of Condition * */
} Statement;

struct Policy {
    List statements; /* of Statement * */
    bool variables;  /* Version 2012-10-17: ${…} stands for a fact */
};

/* The operator of a condition's name, with what stands around it: "ForAnyValue:StringLike",
 * "BoolIfExists". NULL when there is none. */
const Operator *policy_find_operator(const char *name, Quantifier *ret_quantifier,
                                     bool *ret_if_exists);

bool policy_condition_holds(const Condition *condition, const PolicyRequest *request,
                            bool variables);

/* The values of a key (List of const char *), NULL without. */
const List *policy_fact(const PolicyRequest *request, const char *key);

typedef struct Glob {
    bool ignore_case;
    bool by_parts; /* an ARN: each of the six parts between colons for itself */
    bool plain;    /* * and ? mean themselves */
} Glob;

/* Whether text fits the pattern, in which * stands for any text, ? for one character and, with
 * variables, ${KEY} for the one value of a fact; a pattern with a fact that is not there fits
 * nothing. */
bool policy_matches(const char *pattern, const char *text, const PolicyRequest *request,
                    bool variables, const Glob *glob);
