/* What the controller writes of instances. Each verb is one transaction that reads the record
 * afresh and does nothing when its state is no longer the one that the caller acted for. Private
 * to cloud/. */
#pragma once

#include "cloud/cloud.h"

/* The record, or NULL. */
bool instance_load(Cloud *cloud, Arena *arena, const char *id, Instance **ret_instance,
                   GError **error);

bool instance_record_running(Cloud *cloud, Arena *arena, const Instance *seen, GError **error);
/* It could not be started: terminated when it never ran, stopped when it had. */
bool instance_record_failed(Cloud *cloud, Arena *arena, const Instance *seen, GError **error);
/* Seen on its network; found running though the cloud was stopped under it; rebooted. */
bool instance_record_reachable(Cloud *cloud, Arena *arena, const Instance *seen, GError **error);
bool instance_record_survived(Cloud *cloud, Arena *arena, const Instance *seen, GError **error);
bool instance_record_rebooted(Cloud *cloud, Arena *arena, const Instance *seen, GError **error);
/* Its machine ended while it should run: stopped or terminated as its attribute says when it
 * powered itself off; started again when the cloud was stopped under it; else stopped. */
bool instance_record_ended(Cloud *cloud, Arena *arena, const Instance *seen, bool by_itself,
                           GError **error);
bool instance_record_stopped(Cloud *cloud, Arena *arena, const Instance *seen, GError **error);
/* Its interfaces are forgotten. */
bool instance_record_terminated(Cloud *cloud, Arena *arena, const Instance *seen, GError **error);
/* All that run or start are marked so that the next daemon starts them again. */
bool instances_record_interrupted(Cloud *cloud, GError **error);
