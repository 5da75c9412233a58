/* Archived objects (GLACIER, DEEP_ARCHIVE): their bytes are at hand only while they are restored,
 * which takes no time here. Source: "Restoring an archived object" (Amazon S3 User Guide).
 *
 * What is restored, and until when, is a line of the object's headers, which replies show. */
#pragma once

#include "api/s3/s3.h"

#define RESTORE_HEADER "x-amz-restore"

/* Whether the object's bytes may be read now. Fault InvalidObjectState. */
bool s3_restore_check(S3Call *call, const Object *object, GError **error);
