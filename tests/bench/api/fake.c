/* See fake.h. */
#include "tests/bench/api/fake.h"

#include "api/shape_tables.h"
#include "tests/bench/api/fake.def"
#include "api/shape_end.h"

BenchItem *bench_item(Arena *arena, unsigned i)
{
    BenchItem *item = shape_new(arena, BenchItem_shape());
    BenchState *state = arena_new_struct(arena, BenchState);
    BenchTag *tag = arena_new_struct(arena, BenchTag);
    *state = (BenchState){16, "running"};
    *tag = (BenchTag){"Name", arena_printf(arena, "web server %u", i)};
    item->id = arena_printf(arena, "i-%017x", i);
    item->image = "ami-0123456789abcdef0";
    item->state = state;
    item->private_dns = arena_printf(arena, "ip-172-31-%u-%u.ec2.internal", i / 250, i % 250);
    item->dns = arena_printf(arena, "ec2-127-77-%u-%u.test", i / 250, i % 250);
    item->key = "key";
    item->index = 0;
    item->type = "m1.small";
    item->launched = INT64_C(1795339805000000) + (int64_t)i * 1000;
    item->zone = "us-east-1a";
    item->subnet = "subnet-0123456789abcdef0";
    item->vpc = "vpc-0123456789abcdef0";
    item->private_ip = arena_printf(arena, "172.31.%u.%u", i / 250, i % 250);
    item->ip = arena_printf(arena, "127.77.%u.%u", i / 250, i % 250);
    item->source_check = 1;
    item->architecture = "x86_64";
    item->root_type = "ebs";
    item->root_name = "/dev/sda1";
    item->token = arena_printf(arena, "00000000-0000-0000-0000-%012u", i);
    list_add(&item->groups, arena, "sg-0123456789abcdef0");
    list_add(&item->tags, arena, tag);
    item->recent = "xen";
    item->optimized = 0;
    return item;
}

static void *make_item(void *unused)
{
    return bench_item(arena_new(), 1);
}

static bool describe(Call *call, const void *request, void *reply, GError **error)
{
    /* Made once: the protocol is measured, not this handler. */
    static GOnce item = G_ONCE_INIT;
    list_add(&((BenchReply *)reply)->items, call->context.arena, g_once(&item, make_item, NULL));
    return true;
}

static const Action actions[] = {
    {"DescribeInstances", describe, BenchRequest_shape, BenchReply_shape, READ, NULL, NULL},
    {"StartInstances", describe, BenchRequest_shape, BenchReply_shape, WRITE, NULL, NULL},
};
static const char *const versions[] = {"2016-11-15", NULL};
const Service bench_service = {
    .name = "ec2",
    .protocol = PROTOCOL_EC2,
    .xmlns = "http://ec2.amazonaws.com/doc/%s/",
    .versions = versions,
    .actions = actions,
    .n_actions = G_N_ELEMENTS(actions),
};

static bool find_key(void *data, Arena *arena, const char *access_key_id,
                     const Credential **ret_credential, GError **error)
{
    static const Credential credential = {
        .secret = BENCH_SECRET,
        .caller = {.account_id = "123456789012",
                   .arn = "arn:aws:iam::123456789012:root",
                   .user_id = "123456789012",
                   .access_key_id = BENCH_KEY},
    };
    *ret_credential = &credential;
    return true;
}

const KeySource bench_keys = {find_key, NULL};
