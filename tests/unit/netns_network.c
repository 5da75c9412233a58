/* backends/netns: a real network with guests played by hand (netns_guest.h), as root and as an
 * ordinary user. What the process may do changes for good, so each test runs in children of its
 * own; nothing leaves the machine. Skipped where neither root nor user namespaces are to be had. */
#include "tests/unit/unit.h"
#include "tests/unit/netns_guest.h"
#include "backends/netns/capabilities.h"
#include "backends/netns/survivor.h"
#include "backends/network.h"
#include "backends/privileges.h"
#include "base/file.h"
#include "base/process.h"

#include <arpa/inet.h>
#include <errno.h>
#include <fcntl.h>
#include <netinet/in.h>
#include <poll.h>
#include <sched.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/wait.h>

#define SKIPPED 77
#define A_MAC "02:00:ac:1f:00:0a"
#define B_MAC "02:00:ac:1f:10:0b"
#define C_MAC "02:00:ac:1f:00:0c"
#define A "172.31.0.10"
#define B "172.31.16.11"
#define QUIET_MS 300 /* only where the claim is that nothing comes, and a marker cannot show it */
#define WAIT_MS 3000
#define KILLS 12 /* of a daemon at work */
#define KILL_WITHIN_MS 250

static const NetworkOps *const ops = &network_netns;

static uint32_t ip(const char *text)
{
    return ntohl(inet_addr(text));
}

typedef struct Lab {
    char *state_dir;
    char *run_dir;
    Arena *arena;
    Network *network;
    Guest a, b;
} Lab;

static void become(Lab *lab)
{
    g_autoptr(GError) error = NULL;
    PrivilegesKind kind;
    g_autofree char *run = g_build_filename(lab->state_dir, "run", NULL);
    PrivilegesConfig config = {lab->state_dir, run, "cumulet-test-without-useradd"};
    /* Not to add a user to this machine. */
    if (geteuid() == 0)
        config.service_user = "nobody";
    privileges_set_up(&config, &kind, &error);
    assert_no_error(error);
    assert_int_not_equal(geteuid(), 0);
}

static bool open_network(Lab *lab, bool no_outside, GError **error)
{
    NetworkConfig config = {.id = "vpc-1",
                            .cidr = "172.31.0.0/16",
                            .run_dir = lab->run_dir,
                            .domain = "ec2.internal",
                            .endpoint_port = 4566,
                            .services = "100.77.0.0/16",
                            .names_domain = "cloud.test",
                            .no_outside = no_outside};
    list_add(&config.subnets, lab->arena, &(NetworkSubnet){"172.31.0.0/20"});
    list_add(&config.subnets, lab->arena, &(NetworkSubnet){"172.31.16.0/20"});
    list_add(&config.endpoint_names, lab->arena, "s3.amazonaws.com");
    return ops->open(&config, &lab->network, error);
}

static void open_lab(Lab *lab)
{
    g_autoptr(GError) error = NULL;
    lab->arena = arena_new();
    open_network(lab, true, &error);
    assert_no_error(error);
}

static void enter(Lab *lab)
{
    g_autoptr(GError) error = NULL;
    ops->enter(lab->network, &error);
    assert_no_error(error);
}

static const char *plug(Lab *lab, const char *id, const char *mac, const char *address)
{
    g_autoptr(GError) error = NULL;
    const char *tap = NULL;
    g_autofree char *hostname = g_strdelimit(g_strdup_printf("ip-%s", address), ".", '-');
    ops->plug(lab->network, lab->arena, &(NetworkNic){id, mac, address, hostname}, &tap, &error);
    assert_no_error(error);
    return tap;
}

static void plug_guests(Lab *lab)
{
    lab->a = guest_start(plug(lab, "eni-0000000000000000a", A_MAC, A), A_MAC, A);
    lab->b = guest_start(plug(lab, "eni-0000000000000000b", B_MAC, B), B_MAC, B);
}

/* A and B are in one group, which lets everything out, ping in, and these ports in. */
static void allow_ports(Lab *lab, const int *ports, size_t n)
{
    g_autoptr(GError) error = NULL;
    List groups = {0};
    FirewallGroup *group = arena_new_struct(lab->arena, FirewallGroup);
    group->id = "sg-0000000000000000f";
    list_add(&group->addresses, lab->arena, A);
    list_add(&group->addresses, lab->arena, B);
    FirewallRule *out = arena_new_struct(lab->arena, FirewallRule);
    *out = (FirewallRule){FIREWALL_EGRESS, FIREWALL_ALL_PROTOCOLS, -1, -1, "0.0.0.0/0", NULL};
    list_add(&group->rules, lab->arena, out);
    FirewallRule *ping = arena_new_struct(lab->arena, FirewallRule);
    *ping = (FirewallRule){FIREWALL_INGRESS, IPPROTO_ICMP, 8, -1, NULL, group->id};
    list_add(&group->rules, lab->arena, ping);
    for (size_t i = 0; i < n; i++) {
        FirewallRule *in = arena_new_struct(lab->arena, FirewallRule);
        *in = (FirewallRule){FIREWALL_INGRESS, IPPROTO_TCP,     ports[i],
                             ports[i],         "172.31.0.0/16", NULL};
        list_add(&group->rules, lab->arena, in);
    }
    list_add(&groups, lab->arena, group);
    ops->set_firewall(lab->network, &groups, &error);
    assert_no_error(error);
}

/* The next packet that the guest gets is a tcp packet to this port with these flags: whatever was
 * sent before it and should not arrive, has not. */
static void expect_tcp(Guest *guest, uint16_t port, uint8_t flags)
{
    Seen seen;
    if (!guest_receive(guest, &seen, WAIT_MS))
        fail_msg("nothing arrived for port %u", port);
    assert_int_equal(seen.protocol, IPPROTO_TCP);
    assert_int_equal(seen.destination_port, port);
    assert_int_equal(seen.flags, flags);
}

/* A's connection to B's port, from A's port 40000 + port. */
static void connect_guests(Lab *lab, uint16_t port)
{
    uint16_t own = (uint16_t)(40000 + port);
    guest_send_tcp(&lab->a, ip(B), own, port, TCP_SYN);
    expect_tcp(&lab->b, port, TCP_SYN);
    guest_send_tcp(&lab->b, ip(A), port, own, TCP_SYN | TCP_ACK);
    expect_tcp(&lab->a, own, TCP_SYN | TCP_ACK);
    guest_send_tcp(&lab->a, ip(B), own, port, TCP_ACK);
    expect_tcp(&lab->b, port, TCP_ACK);
}

static void expect_pong(Guest *guest, uint16_t sequence)
{
    Seen seen;
    assert_true(guest_receive(guest, &seen, WAIT_MS));
    assert_int_equal(seen.protocol, IPPROTO_ICMP);
    assert_int_equal(seen.source_port, 0);
    assert_int_equal(seen.destination_port, sequence);
}

static void begin(Lab *lab)
{
    become(lab);
    open_lab(lab);
    enter(lab);
    plug_guests(lab);
}

/* Below: what children do. The main thread is inside. */

static void dhcp_and_dns(Lab *lab)
{
    uint32_t router = 0, address = 0;
    begin(lab);
    assert_int_equal(guest_dhcp(&lab->a, &router), ip(A));
    assert_int_equal(router, ip("172.31.0.1"));
    assert_int_equal(guest_dhcp(&lab->b, &router), ip(B));
    assert_int_equal(router, ip("172.31.16.1"));

    assert_int_equal(
        guest_resolve(&lab->a, ip("172.31.0.1"), "ip-172-31-16-11.ec2.internal", &address), 0);
    assert_int_equal(address, ip(B));
    assert_int_equal(guest_resolve(&lab->b, ip("172.31.16.1"), "bucket.s3.amazonaws.com", &address),
                     0);
    assert_int_equal(address, ip("172.31.0.1"));
    /* NXDOMAIN, and REFUSED for what is not ours. */
    assert_int_equal(
        guest_resolve(&lab->a, ip("172.31.0.1"), "ip-172-31-0-99.ec2.internal", &address), 3);
    assert_int_equal(guest_resolve(&lab->a, ip("172.31.0.1"), "example.com", &address), 5);
}

/* Two names of a guest, and one of an address of services; NULL: none of that. */
static void set_names(Lab *lab, const char *service)
{
    g_autoptr(GError) error = NULL;
    NetworkName guest = {.address = B}, other = {.address = "100.77.0.5"};
    List names = {0};
    list_add(&guest.names, lab->arena, "ip-172-31-16-11.ec2.internal");
    list_add(&guest.names, lab->arena, "b.cloud.test");
    list_add(&names, lab->arena, &guest);
    if (service) {
        list_add(&other.names, lab->arena, service);
        list_add(&names, lab->arena, &other);
    }
    ops->set_names(lab->network, &names, &error);
    assert_no_error(error);
}

/* dnsmasq is told, and answers with the names before until it has read. */
static void expect_name(Lab *lab, const char *name, int code, const char *address)
{
    int64_t deadline = g_get_monotonic_time() + WAIT_MS * 1000;
    uint32_t found = 0;
    int got;
    do {
        got = guest_resolve(&lab->a, ip("172.31.0.1"), name, &found);
        assert_int_not_equal(got, -1);
    } while (got != code && g_get_monotonic_time() < deadline);
    assert_int_equal(got, code);
    if (address)
        assert_int_equal(found, ip(address));
}

static void names_told(Lab *lab)
{
    begin(lab);
    expect_name(lab, "b.cloud.test", 3, NULL);
    set_names(lab, "Web-1.elb.cloud.test");
    expect_name(lab, "b.cloud.test", 0, B);
    expect_name(lab, "web-1.elb.cloud.test", 0, "100.77.0.5");
    expect_name(lab, "ip-172-31-16-11.ec2.internal", 0, B);
    set_names(lab, "api.cloud.test");
    expect_name(lab, "api.cloud.test", 0, "100.77.0.5");
    expect_name(lab, "web-1.elb.cloud.test", 3, NULL);
    set_names(lab, NULL);
    expect_name(lab, "api.cloud.test", 3, NULL);
    expect_name(lab, "b.cloud.test", 0, B);
}

static void wrong_names(Lab *lab)
{
    static const NetworkName wrong[] = {{.address = "100.77.0"}, {.address = "100.77.0.5"}};
    begin(lab);
    set_names(lab, "web.cloud.test");
    for (size_t i = 0; i < G_N_ELEMENTS(wrong); i++) {
        g_autoptr(GError) error = NULL;
        NetworkName name = wrong[i];
        List names = {0};
        list_add(&name.names, lab->arena, i == 0 ? "ok.cloud.test" : "a b\n1.2.3.4 c");
        list_add(&names, lab->arena, &name);
        assert_false(ops->set_names(lab->network, &names, &error));
        assert_non_null(error);
    }
    expect_name(lab, "web.cloud.test", 0, "100.77.0.5");
}

static void address_given_again(Lab *lab)
{
    g_autoptr(GError) error = NULL;
    begin(lab);
    assert_int_equal(guest_dhcp(&lab->a, NULL), ip(A));
    guest_stop(&lab->a);
    ops->unplug(lab->network, "eni-0000000000000000a", &error);
    assert_no_error(error);
    lab->a = guest_start(plug(lab, "eni-0000000000000000c", C_MAC, A), C_MAC, A);
    assert_int_equal(guest_dhcp(&lab->a, NULL), ip(A));
}

static void spoofing(Lab *lab)
{
    begin(lab);
    Guest liar = lab->a;
    liar.address = ip(B);
    guest_send_ping(&liar, ip("172.31.0.1"), 1);
    liar = lab->a;
    liar.mac[5] = 0x77;
    guest_send_ping(&liar, ip("172.31.0.1"), 2);
    guest_send_ping(&lab->a, ip("172.31.0.1"), 3);
    expect_pong(&lab->a, 3);
    guest_send_ping(&lab->b, ip("172.31.16.1"), 4);
    expect_pong(&lab->b, 4);

    assert_true(guest_arp(&lab->a, ip("172.31.0.1"), WAIT_MS));
    assert_true(guest_arp(&lab->a, ip(B), WAIT_MS)); /* proxy ARP */
    liar = lab->a;
    liar.address = ip("172.31.0.66");
    assert_false(guest_arp(&liar, ip("172.31.0.1"), QUIET_MS));
    /* Nobody claims a guest's own address. */
    assert_false(guest_arp(&lab->a, ip(A), QUIET_MS));
}

static void isolation(Lab *lab)
{
    begin(lab);
    allow_ports(lab, NULL, 0);
    memcpy(lab->a.router_mac, lab->b.mac, 6);
    guest_send_ping(&lab->a, ip(B), 1);
    memcpy(lab->a.router_mac, (uint8_t[]){2, 0, 0, 0, 0, 1}, 6);
    guest_send_ping(&lab->a, ip(B), 2);
    Seen seen;
    assert_true(guest_receive(&lab->b, &seen, WAIT_MS));
    assert_int_equal(seen.destination_port, 2);
}

static void services(Lab *lab)
{
    begin(lab);
    uint32_t router = ip("172.31.0.1");
    guest_send_tcp(&lab->a, router, 50000, 22, TCP_SYN);
    guest_send_tcp(&lab->a, ip("169.254.169.254"), 50000, 22, TCP_SYN);
    guest_send_tcp(&lab->a, ip("169.254.169.254"), 50001, 80, TCP_SYN);
    /* Nobody listens: the kernel says so, as it does not for closed ports. */
    expect_tcp(&lab->a, 50001, TCP_RST | TCP_ACK);
    guest_send_tcp(&lab->a, router, 50002, 4566, TCP_SYN);
    expect_tcp(&lab->a, 50002, TCP_RST | TCP_ACK);
    guest_send_tcp(&lab->a, router, 50003, 443, TCP_SYN);
    expect_tcp(&lab->a, 50003, TCP_RST | TCP_ACK);
}

/* The addresses of services are the daemon's, each of them, for guests that are let out. */
static void service_addresses(Lab *lab)
{
    begin(lab);
    guest_send_tcp(&lab->a, ip("100.77.0.5"), 50000, 80, TCP_SYN);
    allow_ports(lab, NULL, 0);
    guest_send_tcp(&lab->a, ip("100.77.0.5"), 50002, 80, TCP_SYN);
    expect_tcp(&lab->a, 50002, TCP_RST | TCP_ACK); /* nobody listens */

    autofd fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
    struct sockaddr_in address = {
        .sin_family = AF_INET, .sin_port = htons(80), .sin_addr.s_addr = inet_addr("100.77.200.9")};
    assert_return_code(bind(fd, (struct sockaddr *)&address, sizeof(address)), errno);
    assert_return_code(listen(fd, 1), errno);
    guest_send_tcp(&lab->a, ip("100.77.200.9"), 50003, 80, TCP_SYN);
    expect_tcp(&lab->a, 50003, TCP_SYN | TCP_ACK);
}

static void groups(Lab *lab)
{
    begin(lab);
    /* No group: nothing. */
    guest_send_tcp(&lab->a, ip(B), 50000, 81, TCP_SYN);
    allow_ports(lab, (int[]){81}, 1);
    guest_send_tcp(&lab->a, ip(B), 50000, 80, TCP_SYN);
    connect_guests(lab, 81);
    allow_ports(lab, (int[]){80, 81}, 2);
    connect_guests(lab, 80);
    guest_send_ping(&lab->a, ip(B), 1);
    Seen seen;
    assert_true(guest_receive(&lab->b, &seen, WAIT_MS));
    assert_int_equal(seen.protocol, IPPROTO_ICMP);
}

static void revocation(Lab *lab)
{
    begin(lab);
    allow_ports(lab, (int[]){80, 81}, 2);
    connect_guests(lab, 80);
    connect_guests(lab, 81);
    allow_ports(lab, (int[]){81}, 1);
    guest_send_tcp(&lab->a, ip(B), 40080, 80, TCP_ACK);
    guest_send_tcp(&lab->a, ip(B), 40081, 81, TCP_ACK);
    expect_tcp(&lab->b, 81, TCP_ACK);
    guest_send_tcp(&lab->b, ip(A), 80, 40080, TCP_ACK);
    guest_send_tcp(&lab->b, ip(A), 81, 40081, TCP_ACK);
    expect_tcp(&lab->a, 40081, TCP_ACK);
}

static void work_and_die(Lab *lab)
{
    begin(lab);
    allow_ports(lab, (int[]){80, 81}, 2);
    connect_guests(lab, 80);
    assert_int_equal(guest_dhcp(&lab->a, NULL), ip(A));
    kill(getpid(), SIGKILL);
}

static void adoption(Lab *lab)
{
    g_autoptr(GError) error = NULL;
    become(lab);
    open_lab(lab);
    List ids = {0};
    ops->list(lab->network, lab->arena, &ids, &error);
    assert_no_error(error);
    assert_int_equal(ids.n, 2);
    assert_true(list_has(&ids, "eni-0000000000000000a"));
    enter(lab);
    plug_guests(lab);
    /* The earlier daemon's connection goes on, before and after the rules are said again. */
    guest_send_tcp(&lab->a, ip(B), 40080, 80, TCP_ACK);
    expect_tcp(&lab->b, 80, TCP_ACK);
    allow_ports(lab, (int[]){80}, 1);
    guest_send_tcp(&lab->b, ip(A), 80, 40080, TCP_ACK);
    expect_tcp(&lab->a, 40080, TCP_ACK);
    assert_int_equal(guest_dhcp(&lab->a, NULL), ip(A));
    guest_send_tcp(&lab->a, ip(B), 50000, 81, TCP_SYN);
    connect_guests(lab, 80);
}

static void close_all(Lab *lab)
{
    become(lab);
    open_lab(lab);
    ops->close(lab->network, false);
    arena_free(lab->arena);
    assert_false(g_file_test(lab->run_dir, G_FILE_TEST_EXISTS));
}

/* The host is a namespace of its own here, so that nothing can leave the machine: one link with
 * an address and a default route. */
static bool make_host(void)
{
    static const char *const commands =
        "link set lo up\nlink add host0 type bridge\naddr add 203.0.113.1/24 dev host0\n"
        "link set host0 up\nroute add default via 203.0.113.2\n";
    const char *const argv[] = {"ip", "-batch", "-", NULL};
    return unshare(CLONE_NEWNET) == 0 &&
           process_run(&(ProcessSpec){.argv = argv, .input = commands}, NULL, NULL);
}

static int listen_on(const char *address, uint16_t port)
{
    struct sockaddr_in name = {
        .sin_family = AF_INET, .sin_port = htons(port), .sin_addr.s_addr = inet_addr(address)};
    int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
    assert_int_equal(bind(fd, (struct sockaddr *)&name, sizeof(name)), 0);
    assert_int_equal(listen(fd, 4), 0);
    return fd;
}

static bool has_caller(int listener)
{
    autofd fd = accept4(listener, NULL, NULL, SOCK_NONBLOCK | SOCK_CLOEXEC);
    return fd >= 0;
}

static void way_out(Lab *lab)
{
    g_autoptr(GError) error = NULL;
    become(lab);
    lab->arena = arena_new();
    assert_true(capabilities_pass_on(CAPABILITY(CAP_NET_ADMIN), NULL));
    if (!make_host())
        _exit(SKIPPED);
    assert_true(capabilities_pass_on(0, NULL));
    autofd open_port = listen_on("203.0.113.1", 8080);
    autofd loopback = listen_on("127.0.0.1", 8080);
    assert_true(open_port >= 0 && loopback >= 0);
    g_assert_cmpint(fcntl(loopback, F_SETFL, O_NONBLOCK), ==, 0);
    open_network(lab, false, &error);
    assert_no_error(error);
    NetworkInfo info;
    assert_true(ops->describe(lab->network, lab->arena, &info, &error));
    if (strstr(info.way_out, "not installed"))
        _exit(SKIPPED);
    assert_string_equal(info.way_out, "pasta");
    enter(lab);
    plug_guests(lab);
    allow_ports(lab, NULL, 0);

    guest_send_tcp(&lab->a, ip("192.0.0.1"), 50000, 8080, TCP_SYN);
    guest_send_tcp(&lab->a, ip("127.0.0.1"), 50000, 8080, TCP_SYN);
    guest_send_tcp(&lab->a, ip("203.0.113.1"), 50001, 8080, TCP_SYN);
    expect_tcp(&lab->a, 50001, TCP_SYN | TCP_ACK);
    assert_false(has_caller(loopback));
    /* Not even from the namespace itself, where no rule is in the way. */
    autofd inside = socket(AF_INET, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
    struct sockaddr_in gateway = {
        .sin_family = AF_INET, .sin_port = htons(8080), .sin_addr.s_addr = inet_addr("192.0.0.1")};
    connect(inside, (struct sockaddr *)&gateway, sizeof(gateway));
    struct pollfd fd = {.fd = inside, .events = POLLOUT};
    if (poll(&fd, 1, QUIET_MS) > 0)
        assert_false(connect(inside, (struct sockaddr *)&gateway, sizeof(gateway)) == 0);
    assert_false(has_caller(loopback));
}

/* Whatever was there, what is said now holds. */
static void settling(Lab *lab)
{
    begin(lab);
    allow_ports(lab, (int[]){81}, 1);
    guest_send_tcp(&lab->a, ip(B), 50000, 80, TCP_SYN);
    connect_guests(lab, 81);
    assert_int_equal(guest_dhcp(&lab->a, NULL), ip(A));
    assert_int_equal(guest_dhcp(&lab->b, NULL), ip(B));
}

/* Opens, plugs, unplugs and closes until it is killed. */
static void work_for_ever(Lab *lab)
{
    become(lab);
    for (;;) {
        open_lab(lab);
        plug(lab, "eni-0000000000000000a", A_MAC, A);
        plug(lab, "eni-0000000000000000b", B_MAC, B);
        allow_ports(lab, (int[]){80}, 1);
        assert_true(ops->unplug(lab->network, "eni-0000000000000000a", NULL));
        allow_ports(lab, (int[]){81}, 1);
        ops->close(lab->network, g_random_boolean());
        arena_free(lab->arena);
    }
}

/* The parent's part. */

typedef void (*ChildFn)(Lab *lab);

static int run_child(Lab *lab, ChildFn fn)
{
    pid_t pid = fork();
    if (pid == 0) {
        /* Else a failed assertion would go on with the parent's next test in here. */
        setenv("CMOCKA_TEST_ABORT", "1", 1);
        fn(lab);
        _exit(0);
    }
    int status;
    assert_int_equal(waitpid(pid, &status, 0), pid);
    return status;
}

/* Kills it at any moment of its work. */
static void run_and_kill(Lab *lab, ChildFn fn)
{
    pid_t pid = fork();
    if (pid == 0) {
        setenv("CMOCKA_TEST_ABORT", "1", 1);
        fn(lab);
        _exit(1);
    }
    poll(NULL, 0, g_random_int_range(1, KILL_WITHIN_MS));
    kill(pid, SIGKILL);
    int status;
    assert_int_equal(waitpid(pid, &status, 0), pid);
    assert_true(WIFSIGNALED(status) && WTERMSIG(status) == SIGKILL);
}

static bool is_possible(void)
{
    pid_t pid = fork();
    if (pid == 0)
        _exit(geteuid() != 0 && unshare(CLONE_NEWUSER) < 0 ? 1 : 0);
    int status;
    return waitpid(pid, &status, 0) == pid && status == 0 &&
           (geteuid() == 0 || access("/dev/net/tun", R_OK | W_OK) == 0);
}

/* Programs that were started for this state directory and still run. */
static unsigned count_left(const Lab *lab)
{
    const char *const argv[] = {"pgrep", "-fc", lab->state_dir, NULL};
    g_autofree char *output = NULL;
    process_run(&(ProcessSpec){.argv = argv}, &output, NULL);
    return output ? (unsigned)atoi(output) : 0;
}

/* A zombie that init has not reaped yet does not run. */
static bool is_running(pid_t pid)
{
    autofd fd = (int)syscall(SYS_pidfd_open, pid, 0U);
    return fd >= 0 && poll(&(struct pollfd){.fd = fd, .events = POLLIN}, 1, 0) == 0;
}

/* What happened to the state directory before the test. */

static void nothing(Lab *lab)
{
}

static void killed_at_rest(Lab *lab)
{
    int status = run_child(lab, work_and_die);
    assert_true(WIFSIGNALED(status) && WTERMSIG(status) == SIGKILL);
}

static void killed_at_work(Lab *lab)
{
    for (int i = 0; i < KILLS; i++)
        run_and_kill(lab, work_for_ever);
}

static void test_in_children(void (*before)(Lab *lab), ChildFn fn)
{
    if (!is_possible()) {
        print_message("skipped: needs root, or user namespaces and /dev/net/tun\n");
        skip();
    }
    Lab lab = {.state_dir = scratch_directory()};
    lab.run_dir = g_build_filename(lab.state_dir, "run", "vpc-1", NULL);
    before(&lab);
    int status = run_child(&lab, fn);
    g_autofree char *holder_path = g_build_filename(lab.run_dir, "holder", NULL);
    pid_t holder = survivor_find(holder_path);
    int closed = run_child(&lab, close_all);
    unsigned left = count_left(&lab);
    file_remove_tree(lab.state_dir, NULL);
    g_free(lab.run_dir);
    g_free(lab.state_dir);
    if (WIFEXITED(status) && WEXITSTATUS(status) == SKIPPED) {
        print_message("skipped: no pasta or ip here\n");
        skip();
    }
    assert_int_equal(status, 0);
    assert_int_equal(closed, 0);
    assert_int_equal(left, 0);
    assert_true(holder > 0 && !is_running(holder));
}

#define TEST_OF(name, before, child)                                                               \
    static void name(void **state)                                                                 \
    {                                                                                              \
        test_in_children(before, child);                                                           \
    }

TEST_OF(guests_get_their_addresses_and_names, nothing, dhcp_and_dns)
TEST_OF(names_are_known_as_they_were_told_last, nothing, names_told)
TEST_OF(names_that_are_none_change_nothing, nothing, wrong_names)
TEST_OF(addresses_of_services_are_the_daemons, nothing, service_addresses)
TEST_OF(an_address_can_be_given_to_another_guest, nothing, address_given_again)
TEST_OF(a_guest_cannot_be_somebody_else, nothing, spoofing)
TEST_OF(guests_reach_each_other_through_the_router_only, nothing, isolation)
TEST_OF(the_daemon_is_reached_at_its_ports_only, nothing, services)
TEST_OF(groups_decide_who_connects, nothing, groups)
TEST_OF(a_rule_taken_back_cuts_its_connections_only, nothing, revocation)
TEST_OF(a_killed_daemon_leaves_a_network_that_the_next_one_adopts, killed_at_rest, adoption)
TEST_OF(a_daemon_killed_at_any_moment_leaves_what_the_next_can_settle, killed_at_work, settling)
TEST_OF(the_way_out_does_not_lead_to_the_host_itself, nothing, way_out)

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(guests_get_their_addresses_and_names),
        cmocka_unit_test(names_are_known_as_they_were_told_last),
        cmocka_unit_test(names_that_are_none_change_nothing),
        cmocka_unit_test(addresses_of_services_are_the_daemons),
        cmocka_unit_test(an_address_can_be_given_to_another_guest),
        cmocka_unit_test(a_guest_cannot_be_somebody_else),
        cmocka_unit_test(guests_reach_each_other_through_the_router_only),
        cmocka_unit_test(the_daemon_is_reached_at_its_ports_only),
        cmocka_unit_test(groups_decide_who_connects),
        cmocka_unit_test(a_rule_taken_back_cuts_its_connections_only),
        cmocka_unit_test(a_killed_daemon_leaves_a_network_that_the_next_one_adopts),
        cmocka_unit_test(a_daemon_killed_at_any_moment_leaves_what_the_next_can_settle),
        cmocka_unit_test(the_way_out_does_not_lead_to_the_host_itself),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
