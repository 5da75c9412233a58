/* For `cumulet clock` and `cumulet status`. */
#include "cli/clock_text.h"

#include "cli/text.h"

const char *clock_text(Arena *arena, const json_t *clock)
{
    double speed = json_number_value(json_object_get(clock, "speed"));
    int64_t ahead = (int64_t)json_number_value(json_object_get(clock, "ahead_seconds"));
    const char *fast = speed > 1 ? arena_printf(arena, "%g times as fast as the real one", speed)
                                 : "as fast as the real one";
    return ahead > 0 ? arena_printf(arena, "%s, %s ahead of it", fast, text_duration(arena, ahead))
                     : fast;
}
