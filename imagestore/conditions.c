/* Conditional requests. Sources: RFC 9110, 13.1 and 13.2.2; "Conditional requests" (Amazon S3 User
 * Guide).
 *
 * Dates have no fractions on the wire: an object is as old as its second. */
#include "imagestore/objects.h"

#include <string.h>

static bool precondition_failed(GError **error)
{
    return fault_set(error, FAULT_PRECONDITION_FAILED,
                     "At least one of the pre-conditions you specified did not hold");
}

static bool not_modified(GError **error)
{
    return fault_set(error, FAULT_NOT_MODIFIED, "Not Modified");
}

/* Whether one of the tags, "a, b", is the object's or "*". Quotes around them do not matter, and
 * neither does a weak tag's W/. */
static bool has_tag(const char *tags, const char *etag)
{
    g_auto(GStrv) split = g_strsplit(tags, ",", -1);
    for (char **item = split; *item; item++) {
        char *tag = g_strstrip(*item);
        if (g_str_has_prefix(tag, "W/"))
            tag += strlen("W/");
        size_t size = strlen(tag);
        if (size >= 2 && tag[0] == '"' && tag[size - 1] == '"') {
            tag[size - 1] = '\0';
            tag++;
        }
        if (strcmp(tag, "*") == 0 || (etag && strcmp(tag, etag) == 0))
            return true;
    }
    return false;
}

static bool is_newer(const Object *object, int64_t date)
{
    return object->modified / CLOCK_SECOND > date / CLOCK_SECOND;
}

bool conditions_check_read(const Conditions *conditions, const Object *object, GError **error)
{
    if (conditions->if_match) {
        if (!has_tag(conditions->if_match, object->etag))
            return precondition_failed(error);
    } else if (conditions->if_unmodified_since &&
               is_newer(object, conditions->if_unmodified_since)) {
        return precondition_failed(error);
    }
    if (conditions->if_none_match) {
        if (has_tag(conditions->if_none_match, object->etag))
            return not_modified(error);
    } else if (conditions->if_modified_since && !is_newer(object, conditions->if_modified_since)) {
        return not_modified(error);
    }
    return true;
}

bool conditions_check_write(const Conditions *conditions, const Object *object, GError **error)
{
    if (!object) {
        if (conditions->if_match)
            return fault_set(error, FAULT_NO_SUCH_KEY, "The specified key does not exist.");
        return true;
    }
    if (conditions->if_match) {
        if (!has_tag(conditions->if_match, object->etag))
            return precondition_failed(error);
    } else if (conditions->if_unmodified_since &&
               is_newer(object, conditions->if_unmodified_since)) {
        return precondition_failed(error);
    }
    if (conditions->if_none_match && has_tag(conditions->if_none_match, object->etag))
        return precondition_failed(error);
    return true;
}
