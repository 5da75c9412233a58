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
