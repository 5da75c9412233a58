/* rtnetlink, as much as a bridge with taps needs. Invariant: every request asks for an
 * acknowledgement, and a function returns after it has read it. */
#include "backends/netns/rtnl.h"
#include "base/fault.h"
#include "base/file.h"

#include <arpa/inet.h>
#include <errno.h>
#include <linux/if_bridge.h>
#include <linux/if_link.h>
#include <linux/rtnetlink.h>
#include <net/if.h>
#include <string.h>
#include <sys/socket.h>

#define REQUEST_MAX 1024
#define REPLY_MAX (32 * 1024)
#define MAC_SIZE 6
#define PORT_GROUP 1 /* links are in group 0 unless told otherwise */

typedef struct Request {
    struct nlmsghdr header;
    char rest[REQUEST_MAX];
} Request;

static bool open_socket(unsigned groups, int *ret_fd, GError **error)
{
    struct sockaddr_nl address = {.nl_family = AF_NETLINK, .nl_groups = groups};
    autofd fd = socket(AF_NETLINK, SOCK_RAW | SOCK_CLOEXEC, NETLINK_ROUTE);
    if (fd < 0 || bind(fd, (struct sockaddr *)&address, sizeof(address)) < 0)
        return trouble_set_errno(error, errno, "cannot open an rtnetlink socket");
    *ret_fd = fd_steal(&fd);
    return true;
}

bool rtnl_open(int *ret_fd, GError **error)
{
    return open_socket(0, ret_fd, error);
}

bool rtnl_open_monitor(int *ret_fd, GError **error)
{
    return open_socket(RTMGRP_LINK | RTMGRP_IPV4_ROUTE, ret_fd, error);
}

static void begin(Request *request, int type, int flags, const void *body, size_t size)
{
    memset(request, 0, sizeof(*request));
    request->header.nlmsg_type = (uint16_t)type;
    request->header.nlmsg_flags = (uint16_t)(NLM_F_REQUEST | flags);
    request->header.nlmsg_len = (uint32_t)NLMSG_LENGTH(size);
    memcpy(NLMSG_DATA(&request->header), body, size);
}

static struct rtattr *add(Request *request, unsigned type, const void *data, size_t size)
{
    size_t at = NLMSG_ALIGN(request->header.nlmsg_len);
    g_assert(at + RTA_SPACE(size) <= sizeof(*request));
    struct rtattr *attribute = (struct rtattr *)((char *)request + at);
    attribute->rta_type = (unsigned short)type;
    attribute->rta_len = (unsigned short)RTA_LENGTH(size);
    if (size > 0)
        memcpy(RTA_DATA(attribute), data, size);
    request->header.nlmsg_len = (uint32_t)(at + RTA_SPACE(size));
    return attribute;
}

static void add_text(Request *request, unsigned type, const char *text)
{
    add(request, type, text, strlen(text) + 1);
}

/* Ends a nest that add(…, NULL, 0) began. */
static void end_nest(Request *request, struct rtattr *nest)
{
    nest->rta_len = (unsigned short)((char *)request + request->header.nlmsg_len - (char *)nest);
}

static bool send_request(int fd, const Request *request)
{
    ssize_t sent;
    do
        sent = send(fd, request, request->header.nlmsg_len, 0);
    while (sent < 0 && errno == EINTR);
    return sent == (ssize_t)request->header.nlmsg_len;
}

static ssize_t receive(int fd, void *buffer, size_t size)
{
    ssize_t got;
    do
        got = recv(fd, buffer, size, 0);
    while (got < 0 && errno == EINTR);
    return got;
}

/* 0, or the errno of the kernel's answer. */
static int ask(int fd, Request *request)
{
    union {
        struct nlmsghdr header;
        char bytes[REPLY_MAX];
    } reply;
    request->header.nlmsg_flags |= NLM_F_ACK;
    if (!send_request(fd, request))
        return errno;
    ssize_t got = receive(fd, &reply, sizeof(reply));
    if (got < 0)
        return errno;
    if (!NLMSG_OK(&reply.header, (size_t)got) || reply.header.nlmsg_type != NLMSG_ERROR)
        return EPROTO;
    return -((const struct nlmsgerr *)NLMSG_DATA(&reply.header))->error;
}

/* Fills in the index; sets error when there is no such link. */
static bool find(const char *name, int *ret_index, GError **error)
{
    unsigned index = if_nametoindex(name);
    if (index == 0)
        return trouble_set_errno(error, errno, "there is no link %s", name);
    *ret_index = (int)index;
    return true;
}

bool rtnl_add_bridge(int fd, const char *name, const uint8_t *mac, GError **error)
{
    Request request;
    begin(&request, RTM_NEWLINK, NLM_F_CREATE | NLM_F_EXCL, &(struct ifinfomsg){0},
          sizeof(struct ifinfomsg));
    add_text(&request, IFLA_IFNAME, name);
    add(&request, IFLA_ADDRESS, mac, MAC_SIZE);
    struct rtattr *info = add(&request, IFLA_LINKINFO, NULL, 0);
    add_text(&request, IFLA_INFO_KIND, "bridge");
    struct rtattr *data = add(&request, IFLA_INFO_DATA, NULL, 0);
    add(&request, IFLA_BR_FORWARD_DELAY, &(uint32_t){0}, sizeof(uint32_t));
    add(&request, IFLA_BR_STP_STATE, &(uint32_t){0}, sizeof(uint32_t));
    add(&request, IFLA_BR_MCAST_SNOOPING, &(uint8_t){0}, sizeof(uint8_t));
    end_nest(&request, data);
    end_nest(&request, info);
    int errnum = ask(fd, &request);
    if (errnum != 0 && errnum != EEXIST)
        return trouble_set_errno(error, errnum, "cannot make bridge %s", name);
    return true;
}

bool rtnl_set_up(int fd, const char *name, GError **error)
{
    struct ifinfomsg link = {.ifi_flags = IFF_UP, .ifi_change = IFF_UP};
    if (!find(name, &link.ifi_index, error))
        return false;
    Request request;
    begin(&request, RTM_NEWLINK, 0, &link, sizeof(link));
    int errnum = ask(fd, &request);
    if (errnum != 0)
        return trouble_set_errno(error, errnum, "cannot set link %s up", name);
    return true;
}

bool rtnl_set_isolated_port(int fd, const char *name, const char *bridge, GError **error)
{
    struct ifinfomsg link = {0};
    int master = 0;
    if (!find(name, &link.ifi_index, error) || !find(bridge, &master, error))
        return false;
    Request request;
    begin(&request, RTM_NEWLINK, 0, &link, sizeof(link));
    add(&request, IFLA_MASTER, &master, sizeof(master));
    add(&request, IFLA_GROUP, &(uint32_t){PORT_GROUP}, sizeof(uint32_t));
    int errnum = ask(fd, &request);
    if (errnum != 0)
        return trouble_set_errno(error, errnum, "cannot make %s a port of %s", name, bridge);

    link.ifi_family = AF_BRIDGE;
    begin(&request, RTM_SETLINK, 0, &link, sizeof(link));
    struct rtattr *port = add(&request, IFLA_PROTINFO | NLA_F_NESTED, NULL, 0);
    add(&request, IFLA_BRPORT_ISOLATED, &(uint8_t){1}, sizeof(uint8_t));
    add(&request, IFLA_BRPORT_LEARNING, &(uint8_t){0}, sizeof(uint8_t));
    add(&request, IFLA_BRPORT_UNICAST_FLOOD, &(uint8_t){0}, sizeof(uint8_t));
    add(&request, IFLA_BRPORT_MCAST_FLOOD, &(uint8_t){0}, sizeof(uint8_t));
    end_nest(&request, port);
    errnum = ask(fd, &request);
    if (errnum != 0)
        return trouble_set_errno(error, errnum, "cannot isolate port %s", name);
    return true;
}

bool rtnl_add_station(int fd, const char *port, const uint8_t *mac, GError **error)
{
    struct ndmsg body = {.ndm_family = AF_BRIDGE, .ndm_state = NUD_NOARP, .ndm_flags = NTF_MASTER};
    if (!find(port, &body.ndm_ifindex, error))
        return false;
    Request request;
    begin(&request, RTM_NEWNEIGH, NLM_F_CREATE | NLM_F_REPLACE, &body, sizeof(body));
    add(&request, NDA_LLADDR, mac, MAC_SIZE);
    int errnum = ask(fd, &request);
    if (errnum != 0)
        return trouble_set_errno(error, errnum, "cannot tell the bridge what is behind %s", port);
    return true;
}

bool rtnl_add_address(int fd, const char *name, uint32_t address, unsigned prefix, GError **error)
{
    struct ifaddrmsg body = {.ifa_family = AF_INET, .ifa_prefixlen = (uint8_t)prefix};
    int index = 0;
    if (!find(name, &index, error))
        return false;
    body.ifa_index = (unsigned)index;
    uint32_t local = htonl(address);
    uint32_t broadcast =
        htonl(address | (prefix == 0 ? UINT32_MAX : ~(UINT32_MAX << (32 - prefix))));
    Request request;
    begin(&request, RTM_NEWADDR, NLM_F_CREATE | NLM_F_EXCL, &body, sizeof(body));
    add(&request, IFA_LOCAL, &local, sizeof(local));
    add(&request, IFA_ADDRESS, &local, sizeof(local));
    if (prefix < 31)
        add(&request, IFA_BROADCAST, &broadcast, sizeof(broadcast));
    int errnum = ask(fd, &request);
    if (errnum != 0 && errnum != EEXIST)
        return trouble_set_errno(error, errnum, "cannot give link %s its address", name);
    return true;
}

bool rtnl_add_local_block(int fd, uint32_t network, unsigned prefix, GError **error)
{
    struct rtmsg body = {.rtm_family = AF_INET,
                         .rtm_dst_len = (uint8_t)prefix,
                         .rtm_table = RT_TABLE_LOCAL,
                         .rtm_protocol = RTPROT_STATIC,
                         .rtm_scope = RT_SCOPE_HOST,
                         .rtm_type = RTN_LOCAL};
    int loopback = 0;
    if (!find("lo", &loopback, error))
        return false;
    uint32_t destination = htonl(network);
    Request request;
    begin(&request, RTM_NEWROUTE, NLM_F_CREATE | NLM_F_EXCL, &body, sizeof(body));
    add(&request, RTA_DST, &destination, sizeof(destination));
    add(&request, RTA_OIF, &loopback, sizeof(loopback));
    int errnum = ask(fd, &request);
    if (errnum != 0 && errnum != EEXIST)
        return trouble_set_errno(error, errnum, "cannot add the addresses of services");
    return true;
}

bool rtnl_remove_link(int fd, const char *name, GError **error)
{
    struct ifinfomsg link = {.ifi_index = (int)if_nametoindex(name)};
    if (link.ifi_index == 0)
        return true;
    Request request;
    begin(&request, RTM_DELLINK, 0, &link, sizeof(link));
    int errnum = ask(fd, &request);
    if (errnum != 0 && errnum != ENODEV)
        return trouble_set_errno(error, errnum, "cannot remove link %s", name);
    return true;
}

bool rtnl_remove_ports(int fd, GError **error)
{
    Request request;
    begin(&request, RTM_DELLINK, 0, &(struct ifinfomsg){0}, sizeof(struct ifinfomsg));
    add(&request, IFLA_GROUP, &(uint32_t){PORT_GROUP}, sizeof(uint32_t));
    int errnum = ask(fd, &request);
    if (errnum != 0 && errnum != ENODEV)
        return trouble_set_errno(error, errnum, "cannot remove the ports");
    return true;
}

static const void *find_attribute(const struct rtattr *attribute, size_t size, unsigned type)
{
    for (; RTA_OK(attribute, size); attribute = RTA_NEXT(attribute, size)) {
        if (attribute->rta_type == type)
            return RTA_DATA(attribute);
    }
    return NULL;
}

typedef void (*VisitFn)(void *data, const struct nlmsghdr *message);

/* 0 or errno; visits each message of a dump. */
static int dump(int fd, Request *request, VisitFn visit, void *data)
{
    union {
        struct nlmsghdr header;
        char bytes[REPLY_MAX];
    } reply;
    request->header.nlmsg_flags |= NLM_F_DUMP;
    if (!send_request(fd, request))
        return errno;
    for (;;) {
        ssize_t got = receive(fd, &reply, sizeof(reply));
        if (got <= 0)
            return got < 0 ? errno : EPROTO;
        size_t rest = (size_t)got;
        for (const struct nlmsghdr *message = &reply.header; NLMSG_OK(message, rest);
             message = NLMSG_NEXT(message, rest)) {
            if (message->nlmsg_type == NLMSG_DONE)
                return 0;
            if (message->nlmsg_type == NLMSG_ERROR)
                return -((const struct nlmsgerr *)NLMSG_DATA(message))->error;
            visit(data, message);
        }
    }
}

typedef struct LinkList {
    Arena *arena;
    List *names;
} LinkList;

static void visit_link(void *data, const struct nlmsghdr *message)
{
    LinkList *links = data;
    const struct ifinfomsg *link = NLMSG_DATA(message);
    const char *name = find_attribute(IFLA_RTA(link), IFLA_PAYLOAD(message), IFLA_IFNAME);
    if (name)
        list_add(links->names, links->arena, arena_strdup(links->arena, name));
}

bool rtnl_list_links(int fd, Arena *arena, List *ret_names, GError **error)
{
    List names = {0};
    Request request;
    begin(&request, RTM_GETLINK, 0, &(struct ifinfomsg){0}, sizeof(struct ifinfomsg));
    int errnum = dump(fd, &request, visit_link, &(LinkList){arena, &names});
    if (errnum != 0)
        return trouble_set_errno(error, errnum, "cannot list the links");
    *ret_names = names;
    return true;
}

typedef struct DefaultRoute {
    unsigned index;
    bool found;
} DefaultRoute;

static void visit_route(void *data, const struct nlmsghdr *message)
{
    DefaultRoute *wanted = data;
    const struct rtmsg *route = NLMSG_DATA(message);
    const uint32_t *index = find_attribute(RTM_RTA(route), RTM_PAYLOAD(message), RTA_OIF);
    if (route->rtm_dst_len == 0 && route->rtm_table == RT_TABLE_MAIN && index &&
        *index == wanted->index)
        wanted->found = true;
}

bool rtnl_has_default_route(int fd, const char *name)
{
    DefaultRoute wanted = {.index = if_nametoindex(name)};
    if (wanted.index == 0)
        return false;
    Request request;
    begin(&request, RTM_GETROUTE, 0, &(struct rtmsg){.rtm_family = AF_INET}, sizeof(struct rtmsg));
    return dump(fd, &request, visit_route, &wanted) == 0 && wanted.found;
}
