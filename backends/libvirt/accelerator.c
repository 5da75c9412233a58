/* KVM or TCG: reading /proc/cpuinfo and trying /dev/kvm. */
#include "backends/libvirt/accelerator.h"
#include "base/file.h"

#include <errno.h>
#include <fcntl.h>
#include <string.h>

#define CPUINFO "/proc/cpuinfo"
#define CPUINFO_MAX ((size_t)16 * 1024 * 1024) /* about 1.5 kB for each of the processors */
#define KVM_DEVICE "/dev/kvm"

/* Which of the two extensions the first processor has, or NULL. */
static const char *find_extension(const char *cpuinfo)
{
    static const char *const extensions[] = {"vmx", "svm"};
    const char *line = g_str_has_prefix(cpuinfo, "flags") ? cpuinfo : strstr(cpuinfo, "\nflags");
    if (!line)
        return NULL;
    line += *line == '\n';
    g_autofree char *text = g_strndup(line, strcspn(line, "\n"));
    g_auto(GStrv) words = g_strsplit_set(text, " \t", -1);
    for (size_t i = 0; i < G_N_ELEMENTS(extensions); i++) {
        if (g_strv_contains((const char *const *)words, extensions[i]))
            return extensions[i];
    }
    return NULL;
}

bool accelerator_choose(bool force_tcg, const char *cpuinfo, int kvm_errno, char **ret_reason)
{
    const char *extension = find_extension(cpuinfo);
    bool kvm = false;
    if (force_tcg) {
        *ret_reason = g_strdup("the configuration asks for it");
    } else if (!extension && kvm_errno == 0) {
        *ret_reason = g_strdup("the processor shows neither vmx nor svm, so guests would hang in "
                               "KVM although " KVM_DEVICE " opens");
    } else if (!extension) {
        *ret_reason = g_strdup("the processor shows neither vmx nor svm");
    } else if (kvm_errno != 0) {
        const char *advice = kvm_errno == EACCES ? ": add the user to the group that owns it" : "";
        *ret_reason =
            g_strdup_printf("the processor has %s, but " KVM_DEVICE " does not open (%s)%s",
                            extension, g_strerror(kvm_errno), advice);
    } else {
        *ret_reason = g_strdup_printf("the processor has %s, and " KVM_DEVICE " opens", extension);
        kvm = true;
    }
    return kvm;
}

bool accelerator_detect(bool force_tcg, char **ret_reason)
{
    g_autofree char *cpuinfo = NULL;
    if (!file_read(CPUINFO, CPUINFO_MAX, &cpuinfo, NULL, NULL))
        cpuinfo = g_strdup("");
    autofd device = open(KVM_DEVICE, O_RDWR | O_CLOEXEC);
    return accelerator_choose(force_tcg, cpuinfo, device < 0 ? errno : 0, ret_reason);
}
