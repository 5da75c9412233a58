/* What the files of launch templates share. Private to cloud/. Inside a transaction. */
#pragma once

#include "cloud/launch_templates.h"

bool launch_template_find_one(Context *context, Txn *txn, const LaunchTemplateRef *ref,
                              LaunchTemplate **ret_template, GError **error);
bool launch_version_find(Context *context, Txn *txn, const LaunchTemplate *template,
                         const char *version, LaunchVersionView *ret_view, GError **error);
/* "12". Fault InvalidParameterValue. */
bool launch_version_number(const char *text, int64_t *ret_number, GError **error);
/* The number as records have it. */
const char *launch_version_key(Arena *arena, int64_t number);
