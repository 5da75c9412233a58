/* ctnetlink: one dump, and a delete for each connection that is not to go on.
 *
 * Invariant: a connection is judged by its original direction, as its first packet came in before
 * any address translation, which is also what the firewall's chains judged. It is deleted by that
 * tuple together with its id, so a new connection with the same tuple is not hit. */
#include "backends/netns/conntrack.h"
#include "base/fault.h"
#include "base/file.h"

#include <arpa/inet.h>
#include <errno.h>
#include <linux/netfilter/nfnetlink.h>
#include <linux/netfilter/nfnetlink_conntrack.h>
#include <linux/netlink.h>
#include <string.h>
#include <sys/socket.h>

#define REPLY_SIZE (64 * 1024)
#define TUPLE_MAX 256

/* What a delete names. */
typedef struct Doomed {
    unsigned char tuple[TUPLE_MAX]; /* the attribute CTA_TUPLE_ORIG as it came */
    size_t tuple_size;
    uint32_t id; /* as it came */
} Doomed;

typedef struct Attributes {
    const struct nlattr *of[CTA_MAX + 1]; /* CTA_MAX is the greatest of the three enums used */
} Attributes;

static void parse_attributes(const void *data, size_t size, Attributes *attributes)
{
    memset(attributes, 0, sizeof(*attributes));
    const char *at = data;
    while (size >= NLA_HDRLEN) {
        const struct nlattr *attribute = (const struct nlattr *)at;
        unsigned type = attribute->nla_type & NLA_TYPE_MASK;
        if (attribute->nla_len < NLA_HDRLEN || attribute->nla_len > size)
            return;
        if (type <= CTA_MAX)
            attributes->of[type] = attribute;
        size_t step = MIN((size_t)NLA_ALIGN(attribute->nla_len), size);
        at += step;
        size -= step;
    }
}

static const void *value(const struct nlattr *attribute)
{
    return (const char *)attribute + NLA_HDRLEN;
}

static void parse_nest(const struct nlattr *attribute, Attributes *attributes)
{
    parse_attributes(value(attribute), attribute->nla_len - (size_t)NLA_HDRLEN, attributes);
}

static bool read_u32(const Attributes *attributes, unsigned type, uint32_t *ret)
{
    const struct nlattr *attribute = attributes->of[type];
    if (!attribute || attribute->nla_len < NLA_HDRLEN + sizeof(*ret))
        return false;
    memcpy(ret, value(attribute), sizeof(*ret));
    return true;
}

static uint8_t read_u8(const Attributes *attributes, unsigned type)
{
    const struct nlattr *attribute = attributes->of[type];
    return attribute && attribute->nla_len > NLA_HDRLEN ? *(const uint8_t *)value(attribute) : 0;
}

static uint16_t read_be16(const Attributes *attributes, unsigned type)
{
    const struct nlattr *attribute = attributes->of[type];
    uint16_t number = 0;
    if (attribute && attribute->nla_len >= NLA_HDRLEN + sizeof(number))
        memcpy(&number, value(attribute), sizeof(number));
    return ntohs(number);
}

static bool parse_flow(const struct nlattr *tuple, Flow *flow)
{
    Attributes parts, addresses, protocol;
    parse_nest(tuple, &parts);
    if (!parts.of[CTA_TUPLE_IP] || !parts.of[CTA_TUPLE_PROTO])
        return false;
    parse_nest(parts.of[CTA_TUPLE_IP], &addresses);
    parse_nest(parts.of[CTA_TUPLE_PROTO], &protocol);
    uint32_t source, destination;
    if (!read_u32(&addresses, CTA_IP_V4_SRC, &source) ||
        !read_u32(&addresses, CTA_IP_V4_DST, &destination))
        return false;
    *flow = (Flow){
        .source = ntohl(source),
        .destination = ntohl(destination),
        .protocol = read_u8(&protocol, CTA_PROTO_NUM),
        .port = read_be16(&protocol, CTA_PROTO_DST_PORT),
        .icmp_type = read_u8(&protocol, CTA_PROTO_ICMP_TYPE),
        .icmp_code = read_u8(&protocol, CTA_PROTO_ICMP_CODE),
    };
    return true;
}

/* Adds the message's connection to doomed unless it may go on. */
static void judge(const struct nlmsghdr *message, ConntrackKeepFn keep, void *data, GArray *doomed)
{
    Attributes attributes;
    Flow flow;
    if (message->nlmsg_len < NLMSG_LENGTH(sizeof(struct nfgenmsg)))
        return;
    const char *body = (const char *)NLMSG_DATA(message) + NLMSG_ALIGN(sizeof(struct nfgenmsg));
    parse_attributes(body, message->nlmsg_len - NLMSG_LENGTH(sizeof(struct nfgenmsg)), &attributes);
    const struct nlattr *tuple = attributes.of[CTA_TUPLE_ORIG];
    if (!tuple || !parse_flow(tuple, &flow) || keep(data, &flow))
        return;
    Doomed one = {.tuple_size = tuple->nla_len};
    if (one.tuple_size > sizeof(one.tuple) || !read_u32(&attributes, CTA_ID, &one.id))
        return;
    memcpy(one.tuple, tuple, one.tuple_size);
    g_array_append_val(doomed, one);
}

typedef struct Request {
    struct nlmsghdr header;
    struct nfgenmsg family;
    unsigned char rest[TUPLE_MAX + 64];
} Request;

static void begin(Request *request, int verb, int flags)
{
    *request = (Request){
        .header = {.nlmsg_len = NLMSG_LENGTH(sizeof(struct nfgenmsg)),
                   .nlmsg_type = (uint16_t)(NFNL_SUBSYS_CTNETLINK << 8 | verb),
                   .nlmsg_flags = (uint16_t)(NLM_F_REQUEST | flags)},
        .family = {.nfgen_family = AF_INET, .version = NFNETLINK_V0},
    };
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

/* 0 or errno. */
static int collect(int fd, ConntrackKeepFn keep, void *data, GArray *doomed)
{
    Request request;
    begin(&request, IPCTNL_MSG_CT_GET, NLM_F_DUMP);
    if (!send_request(fd, &request))
        return errno;
    g_autofree char *buffer = g_malloc(REPLY_SIZE);
    for (;;) {
        ssize_t got = receive(fd, buffer, REPLY_SIZE);
        if (got <= 0)
            return got < 0 ? errno : EPROTO;
        size_t rest = (size_t)got;
        for (const struct nlmsghdr *message = (const struct nlmsghdr *)buffer;
             NLMSG_OK(message, rest); message = NLMSG_NEXT(message, rest)) {
            if (message->nlmsg_type == NLMSG_DONE)
                return 0;
            if (message->nlmsg_type == NLMSG_ERROR)
                return -((const struct nlmsgerr *)NLMSG_DATA(message))->error;
            judge(message, keep, data, doomed);
        }
    }
}

/* 0 or errno; a connection that is gone already is a success. */
static int delete (int fd, const Doomed *doomed)
{
    Request request;
    begin(&request, IPCTNL_MSG_CT_DELETE, NLM_F_ACK);
    unsigned char *at = request.rest;
    memcpy(at, doomed->tuple, doomed->tuple_size);
    at += NLA_ALIGN(doomed->tuple_size);
    struct nlattr id = {.nla_len = NLA_HDRLEN + sizeof(doomed->id), .nla_type = CTA_ID};
    memcpy(at, &id, sizeof(id));
    memcpy(at + NLA_HDRLEN, &doomed->id, sizeof(doomed->id));
    request.header.nlmsg_len += (uint32_t)(NLA_ALIGN(doomed->tuple_size) + NLA_ALIGN(id.nla_len));
    union {
        struct nlmsghdr header;
        char bytes[4096];
    } reply;
    if (!send_request(fd, &request) || receive(fd, &reply, sizeof(reply)) < 0)
        return errno;
    if (reply.header.nlmsg_type != NLMSG_ERROR)
        return EPROTO;
    int errnum = -((const struct nlmsgerr *)NLMSG_DATA(&reply.header))->error;
    return errnum == ENOENT ? 0 : errnum;
}

bool conntrack_cut(ConntrackKeepFn keep, void *data, unsigned *ret_cut, GError **error)
{
    autofd fd = socket(AF_NETLINK, SOCK_RAW | SOCK_CLOEXEC, NETLINK_NETFILTER);
    if (fd < 0)
        return trouble_set_errno(error, errno, "cannot open a netfilter socket");
    g_autoptr(GArray) doomed = g_array_new(FALSE, FALSE, sizeof(Doomed));
    int errnum = collect(fd, keep, data, doomed);
    if (errnum != 0)
        return trouble_set_errno(error, errnum, "cannot list the tracked connections");
    for (unsigned i = 0; i < doomed->len; i++) {
        errnum = delete (fd, &g_array_index(doomed, Doomed, i));
        if (errnum != 0)
            return trouble_set_errno(error, errnum, "cannot cut a connection");
    }
    if (ret_cut)
        *ret_cut = doomed->len;
    return true;
}
