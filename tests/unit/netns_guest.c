/* Frames by hand: Ethernet, ARP, IPv4, ICMP, UDP, TCP, DHCP and DNS, as much as the tests need. */
#include "tests/unit/netns_guest.h"
#include "tests/unit/unit.h"

#include <arpa/inet.h>
#include <errno.h>
#include <fcntl.h>
#include <linux/if_tun.h>
#include <net/ethernet.h>
#include <net/if.h>
#include <net/if_arp.h>
#include <netinet/ip.h>
#include <netinet/tcp.h>
#include <netinet/udp.h>
#include <poll.h>
#include <stdio.h>
#include <sys/ioctl.h>
#include <unistd.h>

#define FRAME_MAX 2048
#define REPLY_MS 3000
#define DHCP_RETRY_MS 200
#define ARP_RETRY_MS 100
#define SUBNET_MASK 0xfffff000 /* the router is each subnet's first address */

static const uint8_t bridge_mac[6] = {0x02, 0, 0, 0, 0, 0x01};
static const uint8_t everybody[6] = {0xff, 0xff, 0xff, 0xff, 0xff, 0xff};

typedef struct __attribute__((packed)) ArpFrame {
    uint8_t to[6], from[6];
    uint16_t type, hardware, protocol;
    uint8_t hardware_size, protocol_size;
    uint16_t operation;
    uint8_t sender_mac[6];
    uint32_t sender;
    uint8_t target_mac[6];
    uint32_t target;
} ArpFrame;

void guest_stop(Guest *guest)
{
    close(guest->fd);
    guest->fd = -1;
}

static void transmit(Guest *guest, const void *frame, size_t size)
{
    assert_int_equal(write(guest->fd, frame, size), (ssize_t)size);
}

static uint16_t fold(uint32_t sum)
{
    while (sum >> 16)
        sum = (sum & 0xffff) + (sum >> 16);
    return (uint16_t)sum;
}

static uint32_t add_words(uint32_t sum, const void *data, size_t size)
{
    const uint8_t *bytes = data;
    for (size_t i = 0; i < size; i++)
        sum += i % 2 ? bytes[i] : (uint32_t)bytes[i] << 8;
    return sum;
}

/* With the checksum at checksum_offset of the transport header; -1: none. */
static void send_ip(Guest *guest, uint32_t to, uint8_t protocol, uint8_t *body, size_t size,
                    size_t checksum_offset)
{
    uint8_t frame[FRAME_MAX] = {0};
    struct iphdr ip = {.ihl = 5,
                       .version = 4,
                       .tot_len = htons((uint16_t)(sizeof(ip) + size)),
                       .ttl = 64,
                       .protocol = protocol,
                       .saddr = htonl(guest->address),
                       .daddr = htonl(to)};
    ip.check = htons((uint16_t)~fold(add_words(0, &ip, sizeof(ip))));
    uint32_t sum = 0;
    if (protocol != IPPROTO_ICMP)
        sum = add_words(add_words(0, &ip.saddr, 8), (uint8_t[]){0, protocol}, 2) + (uint32_t)size;
    uint16_t check = htons((uint16_t)~fold(add_words(sum, body, size)));
    memcpy(body + checksum_offset, &check, sizeof(check));

    memcpy(frame, to == UINT32_MAX ? everybody : guest->router_mac, 6);
    memcpy(frame + 6, guest->mac, 6);
    frame[12] = 0x08;
    memcpy(frame + 14, &ip, sizeof(ip));
    memcpy(frame + 14 + sizeof(ip), body, size);
    transmit(guest, frame, 14 + sizeof(ip) + size);
}

void guest_send_tcp(Guest *guest, uint32_t to, uint16_t from_port, uint16_t port, uint8_t flags)
{
    /* The least that a connection tracker finds in order: one sequence of numbers a side. */
    struct tcphdr tcp = {.source = htons(from_port),
                         .dest = htons(port),
                         .seq = htonl(flags & TCP_SYN ? 1000 : 1001),
                         .ack_seq = flags & TCP_ACK ? htonl(1001) : 0,
                         .doff = 5,
                         .syn = !!(flags & TCP_SYN),
                         .ack = !!(flags & TCP_ACK),
                         .rst = !!(flags & TCP_RST),
                         .window = htons(8192)};
    send_ip(guest, to, IPPROTO_TCP, (uint8_t *)&tcp, sizeof(tcp), offsetof(struct tcphdr, check));
}

void guest_send_udp(Guest *guest, uint32_t to, uint16_t from_port, uint16_t port, const void *data,
                    size_t size)
{
    uint8_t body[FRAME_MAX];
    struct udphdr udp = {.source = htons(from_port),
                         .dest = htons(port),
                         .len = htons((uint16_t)(sizeof(udp) + size))};
    memcpy(body, &udp, sizeof(udp));
    memcpy(body + sizeof(udp), data, size);
    send_ip(guest, to, IPPROTO_UDP, body, sizeof(udp) + size, offsetof(struct udphdr, check));
}

void guest_send_ping(Guest *guest, uint32_t to, uint16_t sequence)
{
    uint8_t icmp[8] = {8, 0, 0, 0, 0x12, 0x34, (uint8_t)(sequence >> 8), (uint8_t)sequence};
    send_ip(guest, to, IPPROTO_ICMP, icmp, sizeof(icmp), 2);
}

static ArpFrame make_arp(const Guest *guest, uint16_t operation, const uint8_t *target_mac,
                         uint32_t target)
{
    ArpFrame arp = {.type = htons(ETHERTYPE_ARP),
                    .hardware = htons(ARPHRD_ETHER),
                    .protocol = htons(ETHERTYPE_IP),
                    .hardware_size = 6,
                    .protocol_size = 4,
                    .operation = htons(operation),
                    .sender = htonl(guest->address),
                    .target = htonl(target)};
    memcpy(arp.to, operation == ARPOP_REQUEST ? everybody : target_mac, 6);
    memcpy(arp.from, guest->mac, 6);
    memcpy(arp.sender_mac, guest->mac, 6);
    if (operation == ARPOP_REPLY)
        memcpy(arp.target_mac, target_mac, 6);
    return arp;
}

/* One frame; 0 when none comes in time. Answers ARP requests for its address. */
static size_t next_frame(Guest *guest, uint8_t *frame, int64_t deadline)
{
    for (;;) {
        struct pollfd fd = {.fd = guest->fd, .events = POLLIN};
        int64_t left = (deadline - g_get_monotonic_time()) / 1000;
        if (left < 0 || poll(&fd, 1, (int)left) <= 0)
            return 0;
        ssize_t got = read(guest->fd, frame, FRAME_MAX);
        if (got < 14)
            continue;
        ArpFrame arp;
        if (got >= (ssize_t)sizeof(arp) && memcpy(&arp, frame, sizeof(arp)) &&
            arp.type == htons(ETHERTYPE_ARP) && arp.operation == htons(ARPOP_REQUEST)) {
            if (arp.target == htonl(guest->address)) {
                ArpFrame reply = make_arp(guest, ARPOP_REPLY, arp.sender_mac, ntohl(arp.sender));
                transmit(guest, &reply, sizeof(reply));
            }
            continue;
        }
        return (size_t)got;
    }
}

static int64_t deadline_in(int ms)
{
    return g_get_monotonic_time() + ms * INT64_C(1000);
}

bool guest_arp(Guest *guest, uint32_t address, int ms)
{
    int64_t deadline = deadline_in(ms);
    ArpFrame request = make_arp(guest, ARPOP_REQUEST, NULL, address);
    transmit(guest, &request, sizeof(request));
    uint8_t frame[FRAME_MAX];
    for (size_t size; (size = next_frame(guest, frame, deadline)) > 0;) {
        ArpFrame arp;
        memcpy(&arp, frame, sizeof(arp));
        if (size >= sizeof(arp) && arp.type == htons(ETHERTYPE_ARP) &&
            arp.operation == htons(ARPOP_REPLY) && arp.sender == htonl(address))
            return true;
    }
    return false;
}

/* The kernel notes a link that comes up somewhat later, and forwards nothing before. */
static void wait_for_link(Guest *guest)
{
    int64_t deadline = deadline_in(REPLY_MS);
    while (!guest_arp(guest, (guest->address & SUBNET_MASK) + 1, ARP_RETRY_MS))
        if (g_get_monotonic_time() > deadline)
            fail_msg("the router does not answer");
}

Guest guest_start(const char *tap, const char *mac, const char *address)
{
    Guest guest = {.fd = open("/dev/net/tun", O_RDWR | O_CLOEXEC | O_NONBLOCK)};
    struct ifreq request = {.ifr_flags = IFF_TAP | IFF_NO_PI};
    assert_true(guest.fd >= 0);
    g_strlcpy(request.ifr_name, tap, IFNAMSIZ);
    if (ioctl(guest.fd, TUNSETIFF, &request) < 0)
        fail_msg("cannot open %s: %s", tap, strerror(errno));
    unsigned m[6];
    assert_int_equal(sscanf(mac, "%x:%x:%x:%x:%x:%x", m, m + 1, m + 2, m + 3, m + 4, m + 5), 6);
    for (int i = 0; i < 6; i++)
        guest.mac[i] = (uint8_t)m[i];
    guest.address = ntohl(inet_addr(address));
    memcpy(guest.router_mac, bridge_mac, 6);
    wait_for_link(&guest);
    return guest;
}

static bool parse(const uint8_t *frame, size_t size, Seen *seen)
{
    struct iphdr ip;
    if (size < 14 + sizeof(ip) + 8 || frame[12] != 0x08 || frame[13] != 0)
        return false;
    memcpy(&ip, frame + 14, sizeof(ip));
    size_t end = MIN(14 + (size_t)ntohs(ip.tot_len), size);
    const uint8_t *body = frame + 14 + ip.ihl * 4;
    *seen =
        (Seen){.source = ntohl(ip.saddr), .destination = ntohl(ip.daddr), .protocol = ip.protocol};
    if (ip.protocol == IPPROTO_ICMP) {
        seen->source_port = body[0];
        seen->destination_port = (uint16_t)(body[6] << 8 | body[7]);
        return true;
    }
    seen->source_port = (uint16_t)(body[0] << 8 | body[1]);
    seen->destination_port = (uint16_t)(body[2] << 8 | body[3]);
    if (ip.protocol == IPPROTO_TCP)
        seen->flags = body[13];
    if (ip.protocol == IPPROTO_UDP) {
        seen->size = (size_t)(frame + end - body) - sizeof(struct udphdr);
        memcpy(seen->payload, body + sizeof(struct udphdr), MIN(seen->size, sizeof(seen->payload)));
    }
    return true;
}

bool guest_receive(Guest *guest, Seen *seen, int ms)
{
    int64_t deadline = deadline_in(ms);
    uint8_t frame[FRAME_MAX];
    for (size_t size; (size = next_frame(guest, frame, deadline)) > 0;) {
        if (parse(frame, size, seen))
            return true;
    }
    return false;
}

static const uint8_t *find_option(const Seen *seen, uint8_t code)
{
    for (size_t at = 240; at + 1 < seen->size && seen->payload[at] != 255;
         at += 2u + seen->payload[at + 1]) {
        if (seen->payload[at] == code)
            return seen->payload + at + 2;
    }
    return NULL;
}

/* type 1: DISCOVER, 3: REQUEST (of address, 0: none). */
static bool dhcp(Guest *guest, uint8_t type, uint32_t address, Seen *answer)
{
    uint8_t message[300] = {1, 1, 6, 0, 'c', 'u', 'm', type};
    uint8_t options[] = {99, 130, 83, 99, 53, 1, type, 55, 3, 1, 3, 6, 50, 4, 0, 0, 0, 0, 255};
    uint32_t wanted = htonl(address);
    memcpy(options + 14, &wanted, 4);
    if (address == 0)
        options[12] = 255;
    memcpy(message + 28, guest->mac, 6);
    memcpy(message + 236, options, sizeof(options));
    uint32_t own = guest->address;
    int64_t deadline = deadline_in(REPLY_MS);
    while (g_get_monotonic_time() < deadline) {
        /* Again and again, as clients do: dnsmasq may not have heard of the guest yet. */
        guest->address = 0;
        guest_send_udp(guest, UINT32_MAX, 68, 67, message, sizeof(message));
        guest->address = own;
        if (guest_receive(guest, answer, DHCP_RETRY_MS) && answer->protocol == IPPROTO_UDP &&
            answer->source_port == 67)
            return true;
    }
    return false;
}

uint32_t guest_dhcp(Guest *guest, uint32_t *ret_router)
{
    Seen answer;
    uint32_t address;
    if (!dhcp(guest, 1, 0, &answer))
        return 0;
    memcpy(&address, answer.payload + 16, 4);
    if (!dhcp(guest, 3, ntohl(address), &answer))
        return 0;
    const uint8_t *type = find_option(&answer, 53);
    const uint8_t *router = find_option(&answer, 3);
    if (!type || *type != 5)
        return 0;
    if (ret_router && router) {
        memcpy(ret_router, router, 4);
        *ret_router = ntohl(*ret_router);
    }
    return ntohl(address);
}

int guest_resolve(Guest *guest, uint32_t server, const char *name, uint32_t *ret_address)
{
    uint8_t query[300] = {0x43, 0x21, 1, 0, 0, 1};
    size_t at = 12;
    g_auto(GStrv) labels = g_strsplit(name, ".", 0);
    for (char **label = labels; *label; label++) {
        query[at++] = (uint8_t)strlen(*label);
        memcpy(query + at, *label, strlen(*label));
        at += strlen(*label);
    }
    memcpy(query + at, (uint8_t[]){0, 0, 1, 0, 1}, 5);
    at += 5;
    guest_send_udp(guest, server, 5353, 53, query, at);
    Seen answer;
    for (int64_t deadline = deadline_in(REPLY_MS); g_get_monotonic_time() < deadline;) {
        if (!guest_receive(guest, &answer, 100) || answer.source_port != 53)
            continue;
        if (answer.payload[7] > 0 && ret_address) { /* the answer: 12 bytes, then the address */
            memcpy(ret_address, answer.payload + at + 12, 4);
            *ret_address = ntohl(*ret_address);
        }
        return answer.payload[3] & 0x0f;
    }
    return -1;
}
