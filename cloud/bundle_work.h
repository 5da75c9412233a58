/* The work upon bundle tasks whose machine's disk is frozen: it is read into a file, bundled and
 * put; and what is left of tasks that were cancelled goes. Private to cloud/.
 *
 * Work that was cut off begins again: the layer that it reads never changes. The file,
 * "volumes/TASK.raw", has no record and is removed like any leftover. The manifest is put last, so
 * there is none that names parts that are not there. It is signed with EC2's key, and its user is
 * the account; who registers it need not have a certificate. */
#pragma once

#include "cloud/cloud.h"

/* For minutes; nothing if the task has nothing to be done. */
int64_t bundle_work_step(Cloud *cloud, const char *task_id);
/* Forgets tasks that were over long ago. */
bool bundle_tasks_purge(Cloud *cloud, GError **error);
