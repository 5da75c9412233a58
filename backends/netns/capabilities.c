/* Capabilities of the calling thread, by the raw system calls: libcap would be one more library
 * for two of them. Invariant: what is ambient is a part of CAPABILITIES_KEPT. */
#include "backends/netns/capabilities.h"
#include "base/fault.h"

#include <errno.h>
#include <sys/prctl.h>
#include <sys/syscall.h>
#include <unistd.h>

bool capabilities_keep(uint32_t mask, GError **error)
{
    struct __user_cap_header_struct header = {.version = _LINUX_CAPABILITY_VERSION_3};
    struct __user_cap_data_struct data[_LINUX_CAPABILITY_U32S_3] = {
        {.effective = mask, .permitted = mask},
    };
    /* What is not inheritable cannot stay ambient. */
    if (syscall(SYS_capset, &header, data) < 0)
        return trouble_set_errno(error, errno,
                                 "cannot keep the capabilities NET_ADMIN, SYS_ADMIN, "
                                 "NET_BIND_SERVICE and NET_RAW (a container must be given them)");
    return true;
}

static bool set_inheritable(uint32_t mask)
{
    struct __user_cap_header_struct header = {.version = _LINUX_CAPABILITY_VERSION_3};
    struct __user_cap_data_struct data[_LINUX_CAPABILITY_U32S_3];
    if (syscall(SYS_capget, &header, data) < 0)
        return false;
    data[0].inheritable = mask;
    return syscall(SYS_capset, &header, data) == 0;
}

bool capabilities_pass_on(uint32_t mask, GError **error)
{
    g_assert((mask & ~CAPABILITIES_KEPT) == 0);
    if (!set_inheritable(mask))
        return trouble_set_errno(error, errno, "cannot change the inheritable capabilities");
    for (int number = 0; number < 32; number++) {
        if ((mask & CAPABILITY(number)) &&
            prctl(PR_CAP_AMBIENT, PR_CAP_AMBIENT_RAISE, number, 0, 0) < 0)
            return trouble_set_errno(error, errno,
                                     "cannot pass capability %d on to nft, dnsmasq and pasta "
                                     "(privileges_set_up was not called?)",
                                     number);
    }
    return true;
}
