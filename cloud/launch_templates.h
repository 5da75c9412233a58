/* Launch templates: parameters of RunInstances under a name, in numbered versions that are never
 * changed. Versions are named by a number, $Latest or $Default; NULL is $Default.
 *
 * Faults, in the words of "Error codes for the Amazon EC2 API": InvalidLaunchTemplateId.Malformed
 * and .NotFound, InvalidLaunchTemplateName.NotFoundException, InvalidLaunchTemplateId
 * .VersionNotFound, MissingParameter and InvalidParameterCombination (neither, or both, of id and
 * name). */
#pragma once

#include "cloud/cloud.h"
#include "cloud/find.h"
#include "cloud/instances.h"

/* AWS: "Restrictions for Amazon EC2 launch templates". */
#define LAUNCH_TEMPLATES_PER_ACCOUNT 5000
#define LAUNCH_TEMPLATE_VERSIONS 10000
#define LAUNCH_TEMPLATE_NAME_MIN 3
#define LAUNCH_TEMPLATE_NAME_MAX 128

/* One of both. */
typedef struct LaunchTemplateRef {
    const char *id, *name;
} LaunchTemplateRef;

typedef struct LaunchTemplateView {
    LaunchTemplate *template;
    const List *tags; /* of Tag *; may be NULL */
} LaunchTemplateView;

typedef struct LaunchVersionView {
    const LaunchTemplate *template;
    const LaunchTemplateVersion *version;
    int64_t number;
} LaunchVersionView;

typedef struct LaunchTemplateSpec {
    const char *description; /* may be NULL */
    const char *data;        /* cloud/launch_template_data.h */
    const char *client_token, *digest;
    List tags; /* of TagPair *: of a new template */
} LaunchTemplateSpec;

/* Its first version is its default. Faults InvalidLaunchTemplateName.AlreadyExistsException,
 * .MalformedException, LaunchTemplateLimitExceeded, InvalidParameterValue (user data). */
bool launch_template_create(Context *context, const char *name, const LaunchTemplateSpec *spec,
                            LaunchTemplateView *ret_view, GError **error);
/* source: the version whose members it has where the data says nothing; NULL: none. Fault
 * VersionLimitExceeded. */
bool launch_template_add_version(Context *context, const LaunchTemplateRef *ref, const char *source,
                                 const LaunchTemplateSpec *spec, LaunchVersionView *ret_view,
                                 GError **error);
bool launch_template_set_default(Context *context, const LaunchTemplateRef *ref,
                                 const char *version, LaunchTemplateView *ret_view, GError **error);
/* With its versions and tags; *ret_view is what it was. */
bool launch_template_remove(Context *context, const LaunchTemplateRef *ref,
                            LaunchTemplateView *ret_view, GError **error);

/* A version that was, or was not, deleted; code: as ResponseError.Code (AWS); NULL: it was. */
typedef struct LaunchVersionRemoval {
    int64_t number;
    const char *code, *message;
} LaunchVersionRemoval;
/* LaunchVersionRemoval *, one a version named. Those that cannot be deleted stay, the default one
 * among them; the others go. */
bool launch_template_remove_versions(Context *context, const LaunchTemplateRef *ref,
                                     const List *versions, const LaunchTemplate **ret_template,
                                     List *ret_removals, GError **error);

/* LaunchTemplateView * by ids (page->ids), names (may be empty) and filters, in the order of
 * ids. */
bool launch_templates_find(Context *context, const Page *page, const List *names, List *ret_views,
                           const char **ret_token, GError **error);

typedef struct LaunchVersionQuery {
    LaunchTemplateRef ref;    /* neither: of all templates, $Latest and $Default alone */
    List versions;            /* of const char *; empty: all */
    const char *first, *last; /* numbers, both included; NULL: no bound */
    Page page;                /* without ids */
} LaunchVersionQuery;
/* LaunchVersionView *, the newest first. Filters: those of DescribeLaunchTemplateVersions. */
bool launch_versions_find(Context *context, const LaunchVersionQuery *query, List *ret_views,
                          const char **ret_token, GError **error);

/* A version, inside a transaction. */
bool launch_template_resolve(Context *context, Txn *txn, const LaunchTemplateRef *ref,
                             const char *version, LaunchVersionView *ret_view, GError **error);
/* What it says, into *spec, with the version itself: cloud/launch_template_data.h. */
bool launch_template_use(Context *context, Txn *txn, const LaunchTemplateRef *ref,
                         const char *version, RunSpec *spec, bool *ret_has_interface,
                         GError **error);
