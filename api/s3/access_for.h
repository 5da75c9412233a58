/* Access to objects for callers of other services, who did not ask S3 themselves: EC2 fetches and
 * puts bundles for them. It is what S3 would let the same caller do, were he to send the request
 * from where he called, with no header that asks for more. */
#pragma once

#include "api/action.h"
#include "cloud/object_access.h"

/* For the call's life. */
ObjectAccess s3_access_for(const Call *call);
