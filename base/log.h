/* The daemon's log: GLib's g_debug/g_info/g_message/g_warning through one writer, a line each,
 * "2026-01-02T03:04:05.678Z warning cloud: text" on standard error. Library code returns errors
 * and does not log; controllers and dispatchers log what nobody else will hear of. */
#pragma once

#include <glib.h>

/* Once, before threads. The least level shown. */
void log_init(GLogLevelFlags least);
