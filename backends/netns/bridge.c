/* Bridge, addresses, kernel settings and taps.
 *
 * Invariant: every port of the bridge is isolated before it is up, so no frame goes from guest to
 * guest unrouted: the bridge answers ARP for everybody (proxy ARP), and what guests send to each
 * other passes the rules as all else does. Settings are those of the namespace alone. */
#include "backends/netns/bridge.h"
#include "backends/netns/rtnl.h"
#include "base/fault.h"
#include "base/file.h"

#include <errno.h>
#include <fcntl.h>
#include <linux/if_tun.h>
#include <net/if.h>
#include <string.h>
#include <sys/ioctl.h>

#define IPV4_CONF "/proc/sys/net/ipv4/conf/"
#define IPV6_CONF "/proc/sys/net/ipv6/conf/"

static const uint8_t bridge_mac[MAC_BYTES] = {0x02, 0, 0, 0, 0, 0x01};

/* In the order written. rp_filter drops what a guest sends from an address that is not behind the
 * bridge, in depth behind the anti-spoofing rules. */
static const struct {
    const char *path;
    const char *value;
} settings[] = {
    {IPV4_CONF "all/send_redirects", "0"},      {IPV4_CONF "default/send_redirects", "0"},
    {IPV4_CONF BRIDGE "/send_redirects", "0"},  {IPV4_CONF BRIDGE "/accept_redirects", "0"},
    {IPV4_CONF BRIDGE "/rp_filter", "1"},       {IPV4_CONF BRIDGE "/proxy_arp", "1"},
    {IPV4_CONF BRIDGE "/proxy_arp_pvlan", "1"}, {IPV6_CONF "all/disable_ipv6", "1"},
    {IPV6_CONF "default/disable_ipv6", "1"},    {"/proc/sys/net/ipv4/ip_forward", "1"},
};

static bool write_setting(const char *path, const char *value, GError **error)
{
    autofd fd = open(path, O_WRONLY | O_CLOEXEC);
    /* A kernel without IPv6 has none to switch off. */
    if (fd < 0 && errno == ENOENT && g_str_has_prefix(path, IPV6_CONF))
        return true;
    if (fd < 0 || write(fd, value, strlen(value)) < 0)
        return trouble_set_errno(error, errno,
                                 "cannot set %s (in a container /proc/sys must be writable)", path);
    return true;
}

bool bridge_set_up(int rtnl, const Plan *plan, GError **error)
{
    uint32_t metadata;
    bool parsed = ipv4_parse(METADATA_ADDRESS, &metadata);
    g_assert(parsed);
    if (!rtnl_set_up(rtnl, "lo", error) || !rtnl_add_address(rtnl, "lo", metadata, 32, error) ||
        !rtnl_add_bridge(rtnl, BRIDGE, bridge_mac, error))
        return false;
    if (plan->has_services &&
        !rtnl_add_local_block(rtnl, plan->services.network, plan->services.prefix, error))
        return false;
    for (size_t i = 0; i < plan->n_subnets; i++) {
        if (!rtnl_add_address(rtnl, BRIDGE, plan_router(plan, i), plan->subnets[i].prefix, error))
            return false;
    }
    for (size_t i = 0; i < G_N_ELEMENTS(settings); i++) {
        if (!write_setting(settings[i].path, settings[i].value, error))
            return false;
    }
    return rtnl_set_up(rtnl, BRIDGE, error);
}

char *tap_name(Arena *arena, const char *nic_id)
{
    size_t room = IFNAMSIZ - 1 - strlen(TAP_PREFIX);
    size_t n = strlen(nic_id);
    const char *tail = nic_id + (n > room ? n - room : 0);
    return arena_printf(arena, TAP_PREFIX "%s", tail);
}

bool tap_make(const char *tap, GError **error)
{
    if (if_nametoindex(tap) != 0)
        return true;
    autofd fd = open("/dev/net/tun", O_RDWR | O_CLOEXEC);
    if (fd < 0)
        return trouble_set_errno(error, errno,
                                 "cannot open /dev/net/tun (udev makes it mode 0666: chmod 0666 "
                                 "/dev/net/tun)");
    struct ifreq request = {.ifr_flags = IFF_TAP | IFF_NO_PI | IFF_VNET_HDR};
    g_strlcpy(request.ifr_name, tap, IFNAMSIZ);
    if (ioctl(fd, TUNSETIFF, &request) < 0 || ioctl(fd, TUNSETOWNER, geteuid()) < 0 ||
        ioctl(fd, TUNSETPERSIST, 1) < 0)
        return trouble_set_errno(error, errno, "cannot make the tap device %s", tap);
    return true;
}

bool tap_connect(int rtnl, const char *tap, const char *mac, GError **error)
{
    uint8_t station[MAC_BYTES];
    return mac_parse(mac, station) && rtnl_set_isolated_port(rtnl, tap, BRIDGE, error) &&
           rtnl_add_station(rtnl, tap, station, error) && rtnl_set_up(rtnl, tap, error);
}
