/* libvirt's errors in our words. */
#include "backends/libvirt/trouble.h"
#include "base/fault.h"

#include <stdarg.h>
#include <string.h>

typedef struct Advice {
    const char *says; /* part of libvirt's message */
    const char *advice;
} Advice;

static const Advice advices[] = {
    {"Failed to acquire pid file", "another process uses this state directory: stop it first"},
    {"Failed to parse user 'libvirt-qemu'",
     "as root libvirt wants that user, whom the package libvirt-daemon-system makes: install it, "
     "or run as an ordinary user"},
    {"Cannot check QEMU binary", "install QEMU (Debian: qemu-system-x86)"},
    {"Cannot allocate memory", "the host has too little memory left: end a machine first"},
    {"No space left on device", "make room in the state directory"},
};

bool libvirt_trouble(GError **error, const char *format, ...)
{
    va_list args;
    va_start(args, format);
    g_autofree char *what = g_strdup_vprintf(format, args);
    va_end(args);

    g_autofree char *says = g_strdup(virGetLastErrorMessage());
    /* QEMU's own words come with its log's line breaks. */
    g_strdelimit(g_strchomp(says), "\r\n", ' ');
    const char *advice = "";
    for (size_t i = 0; i < G_N_ELEMENTS(advices); i++) {
        if (strstr(says, advices[i].says))
            advice = advices[i].advice;
    }
    return trouble_set(error, "%s: %s%s%s%s", what, says, *advice ? " (" : "", advice,
                       *advice ? ")" : "");
}

bool libvirt_says_gone(void)
{
    int code = virGetLastErrorCode();
    return code == VIR_ERR_NO_DOMAIN || code == VIR_ERR_OPERATION_INVALID;
}

bool libvirt_says_clearing(void)
{
    return virGetLastErrorCode() == VIR_ERR_OPERATION_FAILED &&
           strstr(virGetLastErrorMessage(), "already being removed");
}

bool libvirt_says_duplicate(void)
{
    const char *message = virGetLastErrorMessage();
    return strstr(message, "Duplicate nodes") || strstr(message, "Duplicate ID");
}
