/* User data as clients send it. */
#include "cloud/instances.h"

#include "base/digest.h"
#include "base/fault.h"
#include <string.h>

bool instance_check_user_data(Context *context, const char *text, const char **ret_text,
                              GError **error)
{
    if (!text || !*text) {
        *ret_text = NULL;
        return true;
    }
    g_autofree uint8_t *data = NULL;
    size_t size;
    if (!base64_decode(text, strlen(text), &data, &size))
        return fault_set(error, FAULT_INVALID_PARAMETER_VALUE,
                         "Invalid BASE64 encoding of user data.");
    if (size > USER_DATA_MAX)
        return fault_set(error, FAULT_INVALID_PARAMETER_VALUE, "User data is limited to %d bytes",
                         USER_DATA_MAX);
    g_autofree char *clean = g_base64_encode(data, size);
    *ret_text = arena_strdup(context->arena, clean);
    return true;
}
