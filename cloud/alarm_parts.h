/* What the files cloud/alarm*.c share. */
#pragma once

#include "cloud/alarms.h"

typedef struct AlarmHandler {
    AlarmPolicyFn fn;
    void *data;
} AlarmHandler;

/* What is behind a change of state. */
typedef struct AlarmCause {
    double value;           /* of the latest datapoint; NaN: none */
    int64_t datapoint_time; /* the fast clock's; 0: none */
} AlarmCause;

/* Notes the state in the store, with history, unless the alarm was changed or removed meanwhile;
 * then runs the actions of that state. alarm is as it was read. */
bool alarm_change_state(Cloud *cloud, Arena *arena, const Alarm *alarm, const char *state,
                        const char *reason, const char *reason_data, const AlarmCause *cause,
                        GError **error);
/* The state stays: scaling policies alone are told again. */
void alarm_repeat_actions(Cloud *cloud, Arena *arena, const Alarm *alarm, const AlarmCause *cause);

/* Adds to the history, inside a transaction of the caller. */
bool alarm_note(Cloud *cloud, Txn *txn, Arena *arena, const Alarm *alarm, const char *kind,
                const char *summary, const char *data, GError **error);
/* "EC2 stop" of arn:aws:automate:us-east-1:ec2:stop and of its older form: "stop", "terminate",
 * "reboot", "recover"; NULL: another kind of action. */
const char *alarm_ec2_action(const char *arn);
bool alarm_is_policy(const char *arn);
