/* See lb_farm_fixture.h. */
#include "tests/unit/lb_farm_fixture.h"

#include <poll.h>
#include <unistd.h>

void farm_open(Farm *farm, LbProtocol protocol)
{
    static const char *const ids[] = {"i-1", "i-2", "i-3"}, *const zones[] = {"a", "a", "b"};
    fixture_open(&farm->fixture, &(LbOptions){.threads = 1});
    farm->listener = fixture_listener(&farm->fixture, 0);
    farm->listener->protocol = farm->listener->target_protocol = protocol;
    farm->listener->balancer = "farm";
    for (int i = 0; i < TARGETS; i++) {
        uint16_t port;
        farm->servers[i] = server_open(&port);
        fixture_target(&farm->fixture, farm->listener, port);
        farm->targets[i] = list_at(&farm->listener->targets, (size_t)i);
        farm->targets[i]->id = ids[i];
        farm->targets[i]->zone = zones[i];
    }
    fixture_apply(&farm->fixture, 0);
}

void farm_close(Farm *farm)
{
    for (int i = 0; i < TARGETS; i++)
        close(farm->servers[i]);
    fixture_close(&farm->fixture);
}

int farm_accept(const Farm *farm, int *ret_served)
{
    struct pollfd all[TARGETS];
    for (int i = 0; i < TARGETS; i++)
        all[i] = (struct pollfd){.fd = farm->servers[i], .events = POLLIN};
    assert_int_equal(poll(all, TARGETS, 10000), 1);
    for (int i = 0; i < TARGETS; i++) {
        if (all[i].revents) {
            *ret_served = server_accept(farm->servers[i]);
            return i;
        }
    }
    return -1;
}
