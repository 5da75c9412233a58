/* Look-ups in the tables of api/action.h. Pure. */
#pragma once

#include "api/action.h"

/* What a request says about the service it wants; NULL where it says nothing. */
typedef struct ServiceHints {
    const char *scope; /* the service in a signature's scope */
    const char *host;
    const char *action;
    const char *version;
} ServiceHints;

/* By scope, else by host ("ec2.us-east-1.amazonaws.com", "ec2:4566"), else by action and version;
 * NULL when nothing fits. */
const Service *service_find(const Service *const *services, const ServiceHints *hints);

/* The action of that name, if it exists in that version; else NULL. */
const Action *service_find_action(const Service *service, const char *name, const char *version);

/* Whether requests of that version are answered. */
bool service_has_version(const Service *service, const char *version);
