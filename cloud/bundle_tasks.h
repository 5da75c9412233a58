/* BundleInstance: a machine's root disk, bundled from outside into a bucket.
 *
 *     pending ──> waiting-for-shutdown ──> bundling ──> storing ──> complete
 *        └──────────────┴────────────────────┴──────────┴──> cancelling ──> failed
 * (Client.Cancelled) └──────────┴──> failed
 *
 * A machine that runs is shut down for it, its root's top layer frozen and the machine started
 * again at once (cloud/disk_controller.h); what was frozen is bundled meanwhile (bundle_work.h). */
#pragma once

#include "cloud/cloud.h"
#include "cloud/find.h"
#include "cloud/object_access.h"

#define BUNDLE_TASK_PREFIX "bun"
/* What a finished one is kept, at least. */
#define BUNDLE_TASKS_SHOWN_FOR CLOCK_DAY

#define BUNDLE_PENDING "pending"
#define BUNDLE_WAITING "waiting-for-shutdown"
#define BUNDLE_BUNDLING "bundling"
#define BUNDLE_STORING "storing"
#define BUNDLE_CANCELLING "cancelling"
#define BUNDLE_COMPLETE "complete"
#define BUNDLE_FAILED "failed"

typedef struct BundleSpec {
    const char *instance_id, *bucket, *prefix;
    /* Who puts the parts: the caller, or who signed the upload policy (base64 of JSON), which was
     * checked. NULL: there was none. */
    Caller owner;
    const char *access_key_id, *upload_policy;
} BundleSpec;

/* Makes the bucket if it is not there. Faults: InvalidInstanceID.…, IncorrectInstanceState,
 * BundlingInProgress, InvalidParameterValue, AuthFailure (the bucket is not the owner's to put
 * into). */
bool bundle_task_create(Context *context, const BundleSpec *spec, const ObjectAccess *access,
                        BundleTask **ret_task, GError **error);
/* BundleTask * in id order. Fault InvalidBundleID.NotFound. */
bool bundle_tasks_find(Context *context, const Page *page, List *list, GError **error);
/* Faults InvalidBundleID.NotFound; IncorrectState: it is over, or being cancelled. */
bool bundle_task_cancel(Context *context, const char *id, BundleTask **ret_task, GError **error);
