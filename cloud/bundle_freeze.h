/* The moment of a machine's that is bundled. Private to cloud/.
 *
 * As a snapshot is taken (cloud/disk_controller.c), with two new layers over the frozen one: the
 * disk's new top, and one that is the task's alone, "volumes/TASK.qcow2", which keeps the frozen
 * one as long as it is needed and is what is read. */
#pragma once

#include "cloud/cloud.h"

/* Freezes the root of an instance whose machine does not run, for tasks that wait for it; of one
 * that runs, sees to it that it is going to be rebooted. In the instance's step. */
bool bundle_freeze(Cloud *cloud, Arena *arena, const Instance *instance, bool runs, GError **error);
/* The task's own layer. */
const char *bundle_layer(Arena *arena, const char *task_id);
