/* Which service and action a request means. Invariant: an exact hint beats a guess; a guess needs
 * an action that the service really has. */
#include "api/service.h"

#include <stdlib.h>
#include <string.h>

static int compare_action(const void *name, const void *action)
{
    return strcmp(name, ((const Action *)action)->name);
}

static const Action *find_action_of_any_version(const Service *service, const char *name)
{
    return bsearch(name, service->actions, service->n_actions, sizeof(Action), compare_action);
}

const Action *service_find_action(const Service *service, const char *name, const char *version)
{
    const Action *action = find_action_of_any_version(service, name);
    if (!action || (action->since && strcmp(version, action->since) < 0) ||
        (action->until && strcmp(version, action->until) > 0))
        return NULL;
    return action;
}

/* "2016-11-15" */
static bool is_date(const char *text)
{
    static const char form[] = "0000-00-00";
    if (strlen(text) != strlen(form))
        return false;
    for (size_t i = 0; form[i]; i++) {
        if (form[i] == '0' ? !g_ascii_isdigit(text[i]) : text[i] != form[i])
            return false;
    }
    return true;
}

bool service_has_version(const Service *service, const char *version)
{
    const char *newest = NULL;
    for (const char *const *known = service->versions; *known; known++) {
        if (strcmp(*known, version) == 0)
            return true;
        newest = *known;
    }
    /* Between the oldest and the newest every date is some version that AWS once had. */
    return service->old_versions_lenient && newest && is_date(version) &&
           strcmp(version, service->versions[0]) > 0 && strcmp(version, newest) < 0;
}

/* The host's first label is the service's name. */
static bool host_names(const char *host, const Service *service)
{
    size_t size = strlen(service->name);
    return g_ascii_strncasecmp(host, service->name, size) == 0 &&
           (host[size] == '\0' || host[size] == '.' || host[size] == ':');
}

const Service *service_find(const Service *const *services, const ServiceHints *hints)
{
    const Service *by_host = NULL, *by_version = NULL, *by_action = NULL;
    for (const Service *const *at = services; *at; at++) {
        const Service *service = *at;
        if (hints->scope && strcmp(hints->scope, service->name) == 0)
            return service;
        if (hints->host && !by_host && host_names(hints->host, service))
            by_host = service;
        bool has_action = hints->action && find_action_of_any_version(service, hints->action);
        bool has_version = hints->version && service_has_version(service, hints->version);
        /* Services have actions of one name, and versions of one date. */
        bool fits = has_action && has_version &&
                    service_find_action(service, hints->action, hints->version);
        if (fits && !by_version)
            by_version = service;
        if (has_action && !by_action)
            by_action = service;
    }
    return by_host ? by_host : by_version ? by_version : by_action;
}
