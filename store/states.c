/* The states of instances, volumes, images and snapshots, and which may follow which. The names are
 * AWS's: they are what clients see and what the tables hold.
 *
 *     pending ─▶ running ─▶ stopping ─▶ stopped ─▶ pending
 *        │          │           │          │
 *        └──────────┴───────────┴──────────┴──▶ shutting-down ─▶ terminated
 *
 * One that was stopped and cannot start again goes from pending to stopping. An instance goes
 * straight to terminated or stopped when its machine is found gone. */
#include "store/record.h"

static const State instance_states[] = {
    [INSTANCE_PENDING] = {"pending", TO(INSTANCE_RUNNING) | TO(INSTANCE_STOPPING) |
                                         TO(INSTANCE_STOPPED) | TO(INSTANCE_SHUTTING_DOWN) |
                                         TO(INSTANCE_TERMINATED)},
    [INSTANCE_RUNNING] = {"running", TO(INSTANCE_PENDING) | TO(INSTANCE_STOPPING) |
                                         TO(INSTANCE_STOPPED) | TO(INSTANCE_SHUTTING_DOWN) |
                                         TO(INSTANCE_TERMINATED)},
    [INSTANCE_STOPPING] = {"stopping", TO(INSTANCE_STOPPED) | TO(INSTANCE_SHUTTING_DOWN) |
                                           TO(INSTANCE_TERMINATED)},
    [INSTANCE_STOPPED] = {"stopped", TO(INSTANCE_PENDING) | TO(INSTANCE_SHUTTING_DOWN) |
                                         TO(INSTANCE_TERMINATED)},
    [INSTANCE_SHUTTING_DOWN] = {"shutting-down", TO(INSTANCE_TERMINATED)},
    [INSTANCE_TERMINATED] = {"terminated", 0},
};
const StateMachine instance_machine = STATE_MACHINE("instance", instance_states);

static const State volume_states[] = {
    [VOLUME_CREATING] = {"creating", TO(VOLUME_AVAILABLE) | TO(VOLUME_IN_USE) |
                                         TO(VOLUME_DELETING) | TO(VOLUME_DELETED) |
                                         TO(VOLUME_ERROR)},
    [VOLUME_AVAILABLE] = {"available", TO(VOLUME_IN_USE) | TO(VOLUME_DELETING) |
                                           TO(VOLUME_DELETED) | TO(VOLUME_ERROR)},
    [VOLUME_IN_USE] = {"in-use", TO(VOLUME_AVAILABLE) | TO(VOLUME_DELETING) | TO(VOLUME_DELETED) |
                                     TO(VOLUME_ERROR)},
    [VOLUME_DELETING] = {"deleting", TO(VOLUME_DELETED) | TO(VOLUME_ERROR)},
    [VOLUME_DELETED] = {"deleted", 0},
    [VOLUME_ERROR] = {"error", TO(VOLUME_DELETING) | TO(VOLUME_DELETED)},
};
const StateMachine volume_machine = STATE_MACHINE("volume", volume_states);

static const State image_states[] = {
    [IMAGE_PENDING] = {"pending", TO(IMAGE_AVAILABLE) | TO(IMAGE_FAILED) | TO(IMAGE_DEREGISTERED)},
    [IMAGE_AVAILABLE] = {"available", TO(IMAGE_DEREGISTERED)},
    [IMAGE_FAILED] = {"failed", TO(IMAGE_DEREGISTERED)},
    [IMAGE_DEREGISTERED] = {"deregistered", 0},
};
const StateMachine image_machine = STATE_MACHINE("image", image_states);

static const State snapshot_states[] = {
    [SNAPSHOT_PENDING] = {"pending", TO(SNAPSHOT_COMPLETED) | TO(SNAPSHOT_ERROR)},
    [SNAPSHOT_COMPLETED] = {"completed", 0},
    [SNAPSHOT_ERROR] = {"error", 0},
};
const StateMachine snapshot_machine = STATE_MACHINE("snapshot", snapshot_states);

/* Of an instance as a load balancer sees it; its own state is judged besides. */
static const State balancer_health_states[] = {
    [BALANCER_HEALTH_REGISTERING] = {"registering", TO(BALANCER_HEALTH_UNPROVEN) |
                                                        TO(BALANCER_HEALTH_HEALTHY) |
                                                        TO(BALANCER_HEALTH_UNHEALTHY)},
    [BALANCER_HEALTH_UNPROVEN] = {"unproven",
                                  TO(BALANCER_HEALTH_HEALTHY) | TO(BALANCER_HEALTH_UNHEALTHY)},
    [BALANCER_HEALTH_HEALTHY] = {"healthy",
                                 TO(BALANCER_HEALTH_UNPROVEN) | TO(BALANCER_HEALTH_UNHEALTHY)},
    [BALANCER_HEALTH_UNHEALTHY] = {"unhealthy",
                                   TO(BALANCER_HEALTH_UNPROVEN) | TO(BALANCER_HEALTH_HEALTHY)},
};
const StateMachine balancer_health_machine =
    STATE_MACHINE("health of an instance", balancer_health_states);

/* Of an instance as its scaling group sees it. It leaves the group from Detaching and from
 * Terminating:Proceed, and from anywhere when it is found gone. */
static const State lifecycle_states[] = {
    [LIFECYCLE_PENDING] = {"Pending", TO(LIFECYCLE_PENDING_WAIT) | TO(LIFECYCLE_IN_SERVICE) |
                                          TO(LIFECYCLE_DETACHING) | TO(LIFECYCLE_TERMINATING)},
    [LIFECYCLE_PENDING_WAIT] = {"Pending:Wait",
                                TO(LIFECYCLE_PENDING_PROCEED) | TO(LIFECYCLE_TERMINATING)},
    [LIFECYCLE_PENDING_PROCEED] = {"Pending:Proceed", TO(LIFECYCLE_IN_SERVICE) |
                                                          TO(LIFECYCLE_DETACHING) |
                                                          TO(LIFECYCLE_TERMINATING)},
    [LIFECYCLE_IN_SERVICE] = {"InService", TO(LIFECYCLE_ENTERING_STANDBY) |
                                               TO(LIFECYCLE_DETACHING) | TO(LIFECYCLE_TERMINATING)},
    [LIFECYCLE_ENTERING_STANDBY] = {"EnteringStandby",
                                    TO(LIFECYCLE_STANDBY) | TO(LIFECYCLE_TERMINATING)},
    [LIFECYCLE_STANDBY] = {"Standby", TO(LIFECYCLE_PENDING) | TO(LIFECYCLE_DETACHING) |
                                          TO(LIFECYCLE_TERMINATING)},
    [LIFECYCLE_DETACHING] = {"Detaching", 0},
    [LIFECYCLE_TERMINATING] = {"Terminating",
                               TO(LIFECYCLE_TERMINATING_WAIT) | TO(LIFECYCLE_TERMINATING_PROCEED)},
    [LIFECYCLE_TERMINATING_WAIT] = {"Terminating:Wait", TO(LIFECYCLE_TERMINATING_PROCEED)},
    [LIFECYCLE_TERMINATING_PROCEED] = {"Terminating:Proceed", 0},
};
const StateMachine lifecycle_machine = STATE_MACHINE("member", lifecycle_states);
