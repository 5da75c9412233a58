/* Life of the controller of scaling groups. Private to cloud/.
 *
 * open (after the fast clock, metrics and sites) → wakes → begin → pause, resume (a reset) → close.
 */
#pragma once

#include "cloud/cloud.h"

typedef struct Scaling Scaling;

/* Takes wakes from now on and acts upon none until scaling_begin(). */
bool scaling_open(Cloud *cloud, GError **error);
void scaling_begin(Cloud *cloud);
/* Something of an instance changed; nothing happens unless it is in a group. Never blocks. */
void scaling_instance_changed(Cloud *cloud, const char *instance_id);
void scaling_pause(Cloud *cloud); /* drops what waits; one that was not opened is fine */
void scaling_resume(Cloud *cloud);
void scaling_close(Cloud *cloud); /* one that was not opened is fine */

/* scaling_step.c: the next steps of a group, "ACCOUNT/NAME". */
int64_t scaling_group_step(void *cloud, const char *key);
