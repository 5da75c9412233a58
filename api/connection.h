/* libmicrohttpd's callbacks: one exchange at a time on each connection, from its first line to the
 * sent reply. Used by api/server.c only.
 *
 *     headers ──> body ──┬──────────────> reply ──> end
 *                        └─> suspended ────┘
 *
 * While a worker has the exchange its connection is suspended: libmicrohttpd does not look at it,
 * so a client that goes away meanwhile is noticed only after the resumption, and the exchange
 * lives until then. */
#pragma once

#include "api/route.h"
#include "base/jobs.h"
#include <microhttpd.h>
#include <stdatomic.h>

/* What all connections of a server share. */
typedef struct Traffic {
    const Route *const *routes; /* NULL-terminated */
    JobPool *workers;
    atomic_size_t buffered; /* bytes of bodies that are held */

    atomic_uint working;   /* exchanges that a worker has or will have */
    atomic_uint answering; /* whole requests whose reply is not sent; working ones among them */
    atomic_bool stopping;  /* new requests are refused, and who leaves signals quieter */
    GMutex lock;           /* of quieter only */
    GCond quieter;
} Traffic;

/* What the connections of one listener share. */
typedef struct Entrance {
    Traffic *traffic;
    bool secure; /* they come by TLS, which somebody in front has taken off */
} Entrance;

/* MHD_OPTION_URI_LOG_CALLBACK, MHD_AccessHandlerCallback, MHD_OPTION_NOTIFY_COMPLETED and
 * MHD_OPTION_UNESCAPE_CALLBACK; cls is the Entrance. */
void *http_connection_open(void *cls, const char *uri, struct MHD_Connection *mhd);
enum MHD_Result http_connection_go_on(void *cls, struct MHD_Connection *mhd, const char *url,
                                      const char *method, const char *version, const char *data,
                                      size_t *size, void **exchange);
void http_connection_end(void *cls, struct MHD_Connection *mhd, void **exchange,
                         enum MHD_RequestTerminationCode code);
size_t http_connection_unescape(void *cls, struct MHD_Connection *mhd, char *text);
