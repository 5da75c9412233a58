/* What the parts of IAM share. Private to cloud/. */
#pragma once

#include "cloud/iam.h"

/* [\w+=,.@-]: of users, policies, server certificates. member: "userName". Fault ValidationError.
 */
bool iam_check_name(const char *name, const char *member, size_t most, GError **error);
/* "/", "/staff/north/". Fault ValidationError. */
bool iam_check_path(const char *path, const char *member, GError **error);
/* name NULL: the caller; then *ret_user is NULL for root. Fault NoSuchEntity. */
bool iam_find_user_or_caller(const Context *context, Txn *txn, const char *name, User **ret_user,
                             GError **error);
