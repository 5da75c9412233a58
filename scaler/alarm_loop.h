/* The loop that looks at alarms: those of a minute and more once a minute of the fast clock, those
 * of 10 and 30 seconds every ten, and new ones at once. A thread of its own. */
#pragma once

#include "cloud/cloud.h"

typedef struct AlarmLoop AlarmLoop;

AlarmLoop *alarm_loop_start(Cloud *cloud);
void alarm_loop_stop(AlarmLoop *loop); /* NULL is fine */
