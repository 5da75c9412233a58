/* One sample after the other: from counters to metrics. Used by one thread.
 *
 * Metrics of AWS/EC2, by InstanceId, AutoScalingGroupName, ImageId, InstanceType, and over all of
 * an account's instances: CPUUtilization (the vCPUs' time, in percent of what they could have had),
 * NetworkIn, NetworkOut, NetworkPacketsIn, NetworkPacketsOut, DiskReadBytes, DiskWriteBytes,
 * DiskReadOps, DiskWriteOps, StatusCheckFailed, …_Instance, …_System ("List the available
 * CloudWatch metrics for your instances", Amazon EC2 User Guide). */
#pragma once

#include "backends/hypervisor.h"
#include "cloud/cloud.h"

typedef struct SampleSet SampleSet;

SampleSet *sample_set_new(Cloud *cloud);
void sample_set_free(SampleSet *set);

/* Asks for all machines' counters and adds what was counted since the last time. A machine that is
 * seen for the first time, or was started anew, counts from then on. From a thread that called
 * cloud_enter_thread. */
bool sample_set_take(SampleSet *set, GError **error);

/* Percent of the time in which a machine's processors ran, of that in which the host let them: time
 * in which they could have run but waited for the host's processors counts neither way. Thus a busy
 * guest is at 100 % however many of them share a processor, as it would be where each has one of
 * its own, and an idle one stays idle on a busy host. passed in µs; 0 when nothing passed. Pure. */
double sample_cpu_percent(const MachineStats *before, const MachineStats *now, int64_t passed);

/* How what lies between two times (fast clock) is spread over its minutes: for each the part of the
 * whole that belongs to it. Returns how many; parts and times have room for most, and what would be
 * more goes to the last. Pure. */
size_t sample_spread(int64_t from, int64_t to, size_t most, int64_t *times, double *parts);
