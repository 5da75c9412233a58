/* Work that takes minutes and touches no machine: bundles that are unpacked (image_unpack.c) and
 * made (bundle_work.c). Keys of the queue are ids of images and of bundle tasks.
 *
 * Whoever does a piece asks long_work_goes_on() at least once a second, and ends early, leaving all
 * to the next start, when that says so: the cloud is being closed or reset. Private to cloud/. */
#pragma once

#include "cloud/cloud.h"

/* The queue, with what an earlier daemon left undone; enter as of workqueue_new(). Nothing is
 * worked on until long_work_resume(): controllers of instances wake it before all else is open. */
bool long_work_open(Cloud *cloud, void (*enter)(void *cloud), GError **error);
void long_work_close(Cloud *cloud);
/* Nothing is worked on from when pause returns until resume. What waits is dropped. */
void long_work_pause(Cloud *cloud);
void long_work_resume(Cloud *cloud);
bool long_work_goes_on(Cloud *cloud);

/* An image or bundle task has something to be done. Never blocks. */
void cloud_wake_bundles(Cloud *cloud, const char *id);
