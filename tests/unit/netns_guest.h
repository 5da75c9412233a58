/* A guest played by the test: it opens the tap of an interface and speaks Ethernet by hand, so
 * that it can also lie. It answers ARP for its own address while it waits. The calling thread must
 * be in the network's namespace. */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

typedef struct Guest {
    int fd;
    uint8_t mac[6];
    uint32_t address; /* host byte order */
    uint8_t router_mac[6];
} Guest;

typedef struct Seen {
    uint32_t source, destination;
    uint8_t protocol;                       /* 1, 6, 17 */
    uint16_t source_port, destination_port; /* of icmp: type, sequence */
    uint8_t flags;                          /* of tcp */
    uint8_t payload[1500];
    size_t size;
} Seen;

#define TCP_SYN 0x02
#define TCP_RST 0x04
#define TCP_ACK 0x10

Guest guest_start(const char *tap, const char *mac, const char *address);
void guest_stop(Guest *guest);

void guest_send_tcp(Guest *guest, uint32_t to, uint16_t from_port, uint16_t port, uint8_t flags);
void guest_send_udp(Guest *guest, uint32_t to, uint16_t from_port, uint16_t port, const void *data,
                    size_t size);
void guest_send_ping(Guest *guest, uint32_t to, uint16_t sequence);
/* Asks for the address and returns whether anybody answers before the deadline. */
bool guest_arp(Guest *guest, uint32_t address, int ms);

/* The next IPv4 packet that reaches it; false when none does in time. */
bool guest_receive(Guest *guest, Seen *seen, int ms);
/* DISCOVER and REQUEST; 0 when nobody answers, else the address. *ret_router may be NULL. */
uint32_t guest_dhcp(Guest *guest, uint32_t *ret_router);
/* Asks server for name (A); -1 nobody answers, else the response code; *ret_address may stay. */
int guest_resolve(Guest *guest, uint32_t server, const char *name, uint32_t *ret_address);
