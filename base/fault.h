/* Errors, in two domains only.
 *
 * A *fault* is the client's mistake: its code is a row of base/faults.def and goes on the wire.
 * Everything else is ours: it becomes HTTP 500 InternalError and is logged once, by whoever
 * dispatched the work. The idiom everywhere is
 *
 *     bool verb(..., T **ret_x, GError **error);
 *
 * true on success; false with *error set and *ret_x untouched on failure. The setters below
 * return false so that a failing branch is one line: `return fault_set(error, FAULT_X, "...")`.
 * Thread-safe. */
#pragma once

#include <glib.h>
#include <stdbool.h>

typedef enum Fault {
#define FAULT(symbol, code, status) FAULT_##symbol,
#include "base/faults.def"
#undef FAULT
    FAULT_COUNT
} Fault;

#define FAULT_DOMAIN fault_domain()
#define TROUBLE_DOMAIN trouble_domain()

GQuark fault_domain(void);
GQuark trouble_domain(void);

/* Wire code ("InvalidAMIID.NotFound") and HTTP status of a fault. Pure. */
const char *fault_code(Fault fault);
unsigned fault_status(Fault fault);

/* Whether error is the given fault; NULL is none. */
bool fault_is(const GError *error, Fault fault);

/* The client's mistake. message is AWS's sentence for it, for the client to read. Returns false. */
bool fault_set(GError **error, Fault fault, const char *format, ...) G_GNUC_PRINTF(3, 4);

/* Our trouble: what failed and what to do about it, one line. Returns false. */
bool trouble_set(GError **error, const char *format, ...) G_GNUC_PRINTF(2, 3);

/* The same with ": strerror(errnum)" appended; GError.code is errnum. Returns false. */
bool trouble_set_errno(GError **error, int errnum, const char *format, ...) G_GNUC_PRINTF(3, 4);

/* What compilers and analysers cannot see from base/fault.c: these return false. So they know that
 * what a failed verb leaves unset is not used. */
#define fault_set(...)                                                                             \
    ({                                                                                             \
        fault_set(__VA_ARGS__);                                                                    \
        false;                                                                                     \
    })
#define trouble_set(...)                                                                           \
    ({                                                                                             \
        trouble_set(__VA_ARGS__);                                                                  \
        false;                                                                                     \
    })
#define trouble_set_errno(...)                                                                     \
    ({                                                                                             \
        trouble_set_errno(__VA_ARGS__);                                                            \
        false;                                                                                     \
    })
