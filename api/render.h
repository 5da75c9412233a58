/* Renders replies and errors as the XML of the Query protocols, through the shapes of api/shape.h.
 *
 * Without `keep` a member that is absent or empty (no text, no items) is left out; with it, it is
 * shown as an empty element. Times are ISO 8601 with milliseconds, as clock_format writes them. */
#pragma once

#include "api/action.h"
#include "api/buffer.h"

/* <RunInstancesResponse xmlns=…>… EC2: the members stand behind <requestId>. Other Query services:
 * they stand in <RunInstancesResult>, which a reply shape without members has not. */
void render_reply(Buffer *xml, const Service *service, const char *action, const Shape *shape,
                  const char *version, const char *request_id, const void *reply);

/* The same without what stands before the first element, as a part of another document. */
void render_response(Buffer *xml, const Service *service, const char *action, const Shape *shape,
                     const char *version, const char *request_id, const void *reply);

/* The error document of a service; NULL: none was recognised, the plain Query form. version may be
 * NULL. */
void render_error(Buffer *xml, const Service *service, const char *version, const char *request_id,
                  unsigned status, const char *code, const char *message);
