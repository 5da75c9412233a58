/* Instances: what callers may ask of them. The steps that make it so are the controller's
 * (cloud/instance_controller.c).
 *
 *                  StartInstances
 *          ┌──────────────────────────────┐
 *          v                              │
 *      pending ──> running ──> stopping ──> stopped
 *          │          │           │          │
 *          └──────────┴─────┬─────┴──────────┘
 *                           v
 *                     shutting-down ──> terminated (listed for an hour)
 */
#pragma once

#include "cloud/cloud.h"
#include "cloud/find.h"
#include "cloud/tags.h"

/* AWS: user data is limited to 16 KB in raw form. */
#define USER_DATA_MAX 16384
/* AWS: RunInstances, at most so many at once here. */
#define RUN_INSTANCES_MAX 1000
#define INSTANCE_TYPE_DEFAULT "m1.small" /* AWS: InstanceType, default */
#define TERMINATED_SHOWN_FOR (3600 * CLOCK_SECOND)

typedef struct RunVolume {
    const char *device;
    int64_t size_gib;          /* 0: the image's */
    int delete_on_termination; /* -1: the default, true */
    const char *type;          /* NULL: the image's, or gp2 */
    int64_t iops, throughput;  /* 0: the type's */
    bool encrypted;
    const char *snapshot_id;  /* NULL: the image's, or empty */
    const char *virtual_name; /* ephemeral0: no volume, but a disk of the instance's own */
    bool no_device;           /* suppresses what the image maps there */
} RunVolume;

/* What to say of instances that are not there. */
extern const MissingIds instance_missing;

/* What RunInstances asks for. NULL and 0 take AWS's defaults. */
typedef struct RunSpec {
    const char *image_id;
    const char *type;
    int64_t min_count, max_count;
    const char *key_name;
    List group_ids, group_names; /* of const char * */
    const char *user_data;       /* base64, as sent */
    const char *zone;
    const char *subnet_id;
    const char *private_address;
    int associate_public_address; /* -1: the subnet's default */
    const char *kernel_id, *ramdisk_id;
    const char *shutdown_behavior;
    const char *tenancy;
    bool disable_api_termination, disable_api_stop, monitoring, ebs_optimized;
    const char *client_token;
    const char *request_digest; /* two requests with one token must have one digest */
    const char *http_tokens, *http_endpoint, *http_tags;
    int64_t http_hop_limit; /* 0: 1 */
    const char *iam_profile;
    /* The template that it was taken from, if any: instances bear its id and version as tags. */
    const char *launch_template_id, *launch_template_name, *launch_template_version;
    List volumes;       /* of RunVolume * */
    List instance_tags; /* of TagPair * */
    List volume_tags, eni_tags;
} RunSpec;

/* Instances of one launch, with what belongs to each, as replies show them. */
typedef struct InstanceView {
    Instance *instance;
    List enis;    /* of Eni * */
    List groups;  /* of SecurityGroup *, of the primary interface */
    List volumes; /* of Volume * */
    List *tags;   /* of Tag *; may be NULL */
} InstanceView;

/* Records as many instances as it may between min_count and max_count, all or nothing, and wakes
 * the controller. *ret_views: InstanceView *, in launch order. A repeated client token returns
 * what it made the first time. */
bool instances_run(Context *context, const RunSpec *spec, List *ret_views, GError **error);

/* The same inside a transaction of the caller, without regard to client tokens: Instance *, added
 * to *instances. When it is committed, they are to be woken. */
bool instances_record(Context *context, Txn *txn, const RunSpec *spec, List *instances,
                      GError **error);
void instances_wake(Cloud *cloud, const List *instances); /* of Instance * */

/* User data as sent, in base64 with or without line breaks → as kept. Fault
 * InvalidParameterValue. */
bool instance_check_user_data(Context *context, const char *text, const char **ret_text,
                              GError **error);

/* InstanceView * of a page of instances, in id order, and the next page's token. */
bool instances_find(Context *context, const Page *page, List *ret_views, const char **ret_token,
                    GError **error);

/* The same in two steps, for callers who remember what they made of instances: first the ids, then
 * what of them is not remembered, from the same snapshot. */
typedef struct InstanceSearch {
    Context *context;
    Txn *txn;
    List ids;          /* const char *, in order */
    const char *token; /* of the next page */
} InstanceSearch;
bool instance_search(Context *context, const Page *page, InstanceSearch *ret_search,
                     GError **error);
/* InstanceView * of these of the ids, which are in the same order. */
bool instance_search_views(InstanceSearch *search, const List *ids, List *ret_views,
                           GError **error);
void instance_search_clear(InstanceSearch *search);
G_DEFINE_AUTO_CLEANUP_CLEAR_FUNC(InstanceSearch, instance_search_clear)
/* What was made of the instance in a search with since `made` is as this one would make it. */
bool instance_search_unchanged(const InstanceSearch *search, const char *id, uint64_t made);
uint64_t instance_search_since(const InstanceSearch *search);

/* One instance that the caller owns; fault InvalidInstanceID.* otherwise. find_one: inside a
 * transaction. */
bool instance_find_one(Context *context, Txn *txn, const char *id, Instance **ret_instance,
                       GError **error);
bool instance_view(Context *context, const char *id, InstanceView **ret_view, GError **error);

typedef struct StateChange {
    const char *id;
    int before, now; /* InstanceState */
} StateChange;

/* All of them or none. *ret_changes: StateChange *. Faults: InvalidInstanceID.NotFound,
 * IncorrectInstanceState, OperationNotPermitted (protected), InsufficientInstanceCapacity. */
bool instances_start(Context *context, const List *ids, List *ret_changes, GError **error);
bool instances_stop(Context *context, const List *ids, bool force, List *ret_changes,
                    GError **error);
bool instances_terminate(Context *context, const List *ids, List *ret_changes, GError **error);
bool instances_reboot(Context *context, const List *ids, GError **error);

/* Detailed monitoring: only noted, since every instance has metrics of each minute. */
bool instances_monitor(Context *context, const List *ids, bool enabled, GError **error);

/* What ModifyInstanceAttribute may change; NULL, -1 and empty leave as it is. */
typedef struct InstanceChange {
    const char *type;                   /* while stopped */
    const char *kernel_id, *ramdisk_id; /* while stopped */
    const char *user_data;              /* base64; while stopped */
    const char *shutdown_behavior;
    int disable_api_termination, disable_api_stop, source_dest_check, ebs_optimized;
    List group_ids; /* of const char *: replaces all */
    const char *http_tokens, *http_endpoint, *http_tags;
    int64_t http_hop_limit; /* 0: leave */
    List volumes;           /* of RunVolume *: delete_on_termination by device */
} InstanceChange;
bool instance_modify(Context *context, const char *id, const InstanceChange *change,
                     GError **error);

/* The end of its console log (at most 64 KiB) and when it was last written; empty when there is
 * none yet. Owned by the context's arena. */
bool instance_console(Context *context, const char *id, const char **ret_text, size_t *ret_size,
                      int64_t *ret_time, GError **error);

/* One whose root disk goes with its machine can only be terminated. */
bool instance_can_stop(const Instance *instance);

/* The numeric code of a state, AWS: 0 pending, 16 running, 32 shutting-down, 48 terminated,
 * 64 stopping, 80 stopped. */
int instance_state_code(int state);
