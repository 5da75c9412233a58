/* The two error domains and their setters.
 *
 * Invariant: every setter returns false, with or without somebody to hear of the error. Their names
 * stand in parentheses because of what base/fault.h tells the analyzer. */
#include "base/fault.h"

#include <stdarg.h>

typedef struct FaultRow {
    const char *code;
    unsigned status;
} FaultRow;

static const FaultRow rows[FAULT_COUNT] = {
#define FAULT(symbol, code, status) [FAULT_##symbol] = {code, status},
#include "base/faults.def"
#undef FAULT
};

GQuark fault_domain(void)
{
    return g_quark_from_static_string("cumulet-fault");
}

GQuark trouble_domain(void)
{
    return g_quark_from_static_string("cumulet-trouble");
}

const char *fault_code(Fault fault)
{
    g_assert((unsigned)fault < FAULT_COUNT);
    return rows[fault].code;
}

unsigned fault_status(Fault fault)
{
    g_assert((unsigned)fault < FAULT_COUNT);
    return rows[fault].status;
}

bool fault_is(const GError *error, Fault fault)
{
    return g_error_matches(error, FAULT_DOMAIN, (int)fault);
}

bool(fault_set)(GError **error, Fault fault, const char *format, ...)
{
    if (!error)
        return false;
    va_list args;
    va_start(args, format);
    g_propagate_error(error, g_error_new_valist(FAULT_DOMAIN, (int)fault, format, args));
    va_end(args);
    return false;
}

bool(trouble_set)(GError **error, const char *format, ...)
{
    if (!error)
        return false;
    va_list args;
    va_start(args, format);
    g_propagate_error(error, g_error_new_valist(TROUBLE_DOMAIN, 0, format, args));
    va_end(args);
    return false;
}

bool(trouble_set_errno)(GError **error, int errnum, const char *format, ...)
{
    if (!error)
        return false;
    va_list args;
    va_start(args, format);
    g_autofree char *text = g_strdup_vprintf(format, args);
    va_end(args);
    g_set_error(error, TROUBLE_DOMAIN, errnum, "%s: %s", text, g_strerror(errnum));
    return false;
}
