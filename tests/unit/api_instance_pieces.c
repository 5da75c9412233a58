/* DescribeInstances with remembered pieces: whatever was written, and whoever writes meanwhile, the
 * reply is that of a daemon that remembers nothing. */
#include "tests/unit/unit.h"
#include "api/ec2/shapes.h"
#include "api/render.h"
#include "base/file.h"
#include "cloud/cloud.h"
#include <stdatomic.h>
#include <stdlib.h>

#define ACCOUNT "111111111111"
#define INSTANCES 8
#define GROUPS 3
#define THINGS 12 /* interfaces and volumes */
#define WRITES 1500

static char *directory;
static Store *store;
static Clock *clock_;
static Cloud *cloud;
static PieceCache *cache;

#define assert_works(call)                                                                         \
    do {                                                                                           \
        g_autoptr(GError) error_ = NULL;                                                           \
        GError **error = &error_;                                                                  \
        bool ok_ = (call);                                                                         \
        assert_no_error(error_);                                                                   \
        assert_true(ok_);                                                                          \
    } while (0)

static int set_up(void **state)
{
    directory = scratch_directory();
    clock_ = clock_new_manual(1900000000 * CLOCK_SECOND);
    assert_works(store_open(directory, &store, error));
    CloudConfig config = {
        .store = store,
        .clock = clock_,
        .state_dir = directory,
        .hypervisor = &hypervisor_fake,
        .network = &network_fake,
        .addresses = "127.77.0.0/16",
        .endpoint_port = 4566,
        .dns_suffix = "test",
    };
    assert_works(cloud_open(&config, &cloud, error));
    cache = piece_cache_new();
    return 0;
}

static int tear_down(void **state)
{
    piece_cache_free(cache);
    cloud_close(cloud, true);
    store_close(store);
    clock_free(clock_);
    file_remove_tree(directory, NULL);
    g_free(directory);
    return 0;
}

/* ---- asking ---- */

/* The reply, as text. pieces: NULL: without any. */
static char *describe(PieceCache *pieces, const char *version, int64_t limit)
{
    g_autoptr(Arena) arena = arena_new();
    g_auto(Buffer) xml = {0};
    const Action *action = NULL;
    for (size_t i = 0; i < service_ec2.n_actions; i++)
        if (strcmp(service_ec2.actions[i].name, "DescribeInstances") == 0)
            action = &service_ec2.actions[i];
    assert_non_null(action);
    DescribeInstancesRequest *request = shape_new(arena, DescribeInstancesRequest_shape());
    DescribeInstancesReply *reply = shape_new(arena, DescribeInstancesReply_shape());
    request->selection.max_results = limit ? limit : ABSENT;
    Call call = {
        .context = {.cloud = cloud, .arena = arena, .caller = {.account_id = ACCOUNT}},
        .service = &service_ec2,
        .action = action,
        .version = version,
        .pieces = {.cache = pieces, .arena = arena},
    };
    assert_works(action->handle(&call, request, reply, error));
    render_reply(&xml, &service_ec2, action->name, action->reply(), version, "id", reply);
    if (pieces)
        pieces_end(&call.pieces, &xml);
    return g_strndup(xml.data, xml.size);
}

/* Nobody else may write meanwhile, but for the controllers now and then. */
static void check_same(const char *version, int64_t limit)
{
    for (;;) {
        uint64_t before = store_version(store);
        g_autofree char *with = describe(cache, version, limit);
        g_autofree char *without = describe(NULL, version, limit);
        if (store_version(store) == before) {
            assert_string_equal(with, without);
            return;
        }
    }
}

static void check_all(void)
{
    check_same("2016-11-15", 0);
    check_same("2016-11-15", 5);
    check_same("2013-10-15", 0);
    check_same("2010-08-31", 0);
}

/* ---- writing ---- */

static GRand *dice;
static Arena *names;

static unsigned throw(unsigned n)
{
    return (unsigned)g_rand_int_range(dice, 0, (gint32)n);
}

static const char *one_of(const char *prefix, unsigned n)
{
    return arena_printf(names, "%s-%016x%x", prefix, 0, throw(n));
}

static const char *some_text(void)
{
    return throw(4) ? arena_printf(names, "<%u>", throw(1000)) : NULL;
}

static bool write_instance(Txn *txn, GError **error)
{
    Instance instance = {
        .id = one_of("i", INSTANCES),
        .account_id = ACCOUNT,
        .reservation_id = one_of("r", 3),
        .type = throw(2) ? "m1.small" : "t2.nano",
        .state = throw(3) ? INSTANCE_STOPPED : INSTANCE_TERMINATED,
        .key_name = some_text(),
        .public_ip = throw(2) ? "127.77.0.9" : NULL,
        .private_ip = "172.31.0.9",
        .reason_code = some_text(),
        .http_tokens = some_text(),
        .monitoring = throw(2),
        .launch_time = throw(1000) * CLOCK_SECOND,
        .terminated_time = clock_now(clock_),
    };
    return instance_put(txn, &instance, error);
}

static bool delete_instance(Txn *txn, GError **error)
{
    return instance_delete(txn, one_of("i", INSTANCES), error);
}

static bool write_eni(Txn *txn, GError **error)
{
    const char *id = one_of("eni", THINGS);
    Eni eni = {
        .id = id,
        .account_id = ACCOUNT,
        .instance_id = throw(5) ? one_of("i", INSTANCES) : NULL,
        .device_index = throw(4) == 0,
        .vpc_id = "vpc-1",
        .subnet_id = "subnet-1",
        .private_ip = arena_printf(names, "10.0.0.%c", id[strlen(id) - 1]),
        .description = some_text(),
    };
    return eni_put(txn, &eni, error);
}

static bool delete_eni(Txn *txn, GError **error)
{
    return eni_delete(txn, one_of("eni", THINGS), error);
}

static bool join_group(Txn *txn, GError **error)
{
    EniGroup member = {one_of("eni", THINGS), one_of("sg", GROUPS)};
    return eni_group_put(txn, &member, error);
}

static bool leave_groups(Txn *txn, GError **error)
{
    return record_change(txn, CHANGE_DELETE_GROUPS_OF_ENI, NULL, error, one_of("eni", THINGS));
}

static bool write_group(Txn *txn, GError **error)
{
    const char *id = one_of("sg", GROUPS);
    SecurityGroup group = {
        .id = id,
        .account_id = ACCOUNT,
        .vpc_id = "vpc-1",
        .name = arena_printf(names, "%s %u", id, throw(5)),
    };
    return security_group_put(txn, &group, error);
}

static bool delete_group(Txn *txn, GError **error)
{
    return security_group_delete(txn, one_of("sg", GROUPS), error);
}

static bool write_volume(Txn *txn, GError **error)
{
    Volume volume = {
        .id = one_of("vol", THINGS),
        .account_id = ACCOUNT,
        .state = VOLUME_IN_USE,
        .instance_id = throw(5) ? one_of("i", INSTANCES) : NULL,
        .device = some_text(),
        .delete_on_termination = throw(2),
    };
    return volume_put(txn, &volume, error);
}

static bool delete_volume(Txn *txn, GError **error)
{
    return volume_delete(txn, one_of("vol", THINGS), error);
}

static bool write_tag(Txn *txn, GError **error)
{
    Tag tag = {
        .resource_id = one_of("i", INSTANCES),
        .key = throw(2) ? "a" : "b",
        .value = arena_printf(names, "%u", throw(1000)),
        .account_id = ACCOUNT,
        .resource_type = "instance",
    };
    return tag_put(txn, &tag, error);
}

static bool delete_tags(Txn *txn, GError **error)
{
    const char *id = one_of("i", INSTANCES);
    return throw(2) ? record_change(txn, CHANGE_DELETE_TAGS_OF, NULL, error, id)
                    : record_change(txn, CHANGE_DELETE_TAG, NULL, error, id, "a");
}

static bool clear(Txn *txn, GError **error)
{
    return throw(20) || store_clear(txn, error);
}

/* What is written often stands there more than once. */
static bool (*const writes[])(Txn *txn, GError **error) = {
    write_instance, write_instance, write_instance, delete_instance, write_eni,     write_eni,
    write_eni,      delete_eni,     join_group,     join_group,      leave_groups,  write_group,
    write_group,    delete_group,   write_volume,   write_volume,    delete_volume, write_tag,
    write_tag,      delete_tags,    clear,
};

/* One to three writes in a transaction, which is now and then rolled back. */
static void write_something(void)
{
    g_autoptr(Txn) txn = NULL;
    assert_works(txn_begin(store, &txn, error));
    for (unsigned n = throw(3) + 1; n > 0; n--)
        assert_works(writes[throw(G_N_ELEMENTS(writes))](txn, error));
    if (throw(10) == 0)
        check_same("2016-11-15", 0); /* of what is not committed nothing is seen */
    if (throw(10) != 0)
        assert_works(txn_commit(&txn, error));
}

static void replies_are_those_without_pieces(void **state)
{
    unsigned seed = g_random_int();
    print_message("seed %u\n", seed);
    dice = g_rand_new_with_seed(seed);
    for (unsigned i = 0; i < WRITES; i++) {
        names = arena_new();
        write_something();
        check_all();
        arena_free(names);
    }
    g_rand_free(dice);
}

/* ---- readers and a writer ---- */

#define ROUNDS 300

static atomic_uint acknowledged;

static void write_round(unsigned n)
{
    g_autoptr(Txn) txn = NULL;
    assert_works(txn_begin(store, &txn, error));
    char value[16];
    g_snprintf(value, sizeof(value), "%u", n);
    for (unsigned i = 0; i < INSTANCES; i++) {
        char id[32];
        g_snprintf(id, sizeof(id), "i-%017x", i);
        Tag tag = {id, "round", value, ACCOUNT, "instance"};
        Instance instance = {.id = id,
                             .account_id = ACCOUNT,
                             .reservation_id = "r-1",
                             .type = "m1.small",
                             .state = INSTANCE_STOPPED};
        /* Half of them change with each round, the others with none. */
        if (n == 1)
            assert_works(instance_put(txn, &instance, error));
        if (n == 1 || i < INSTANCES / 2)
            assert_works(tag_put(txn, &tag, error));
    }
    assert_works(txn_commit(&txn, error));
    atomic_store(&acknowledged, n);
}

/* All rounds that a reply shows of those that change are one; returns it. */
static unsigned round_of(const char *reply)
{
    unsigned round = 0, n = 0;
    for (const char *at = reply; n < INSTANCES / 2; n++) {
        at = strstr(at, "<key>round</key><value>");
        assert_non_null(at);
        at += strlen("<key>round</key><value>");
        unsigned shown = (unsigned)atoi(at);
        if (n > 0)
            assert_int_equal(shown, round);
        round = shown;
    }
    return round;
}

static void *read_rounds(void *data)
{
    for (unsigned last = 0; last < ROUNDS;) {
        unsigned before = atomic_load(&acknowledged);
        g_autofree char *reply = describe(cache, "2016-11-15", 0);
        unsigned round = round_of(reply);
        assert_in_range(round, MAX(before, last), ROUNDS);
        last = round;
    }
    return NULL;
}

static void readers_see_one_state_and_never_an_older_one(void **state)
{
    write_round(1);
    GThread *readers[3];
    for (size_t i = 0; i < G_N_ELEMENTS(readers); i++)
        readers[i] = g_thread_new("reader", read_rounds, NULL);
    for (unsigned n = 2; n <= ROUNDS; n++)
        write_round(n);
    for (size_t i = 0; i < G_N_ELEMENTS(readers); i++)
        g_thread_join(readers[i]);
}

int main(void)
{
#define CASE(name) cmocka_unit_test_setup_teardown(name, set_up, tear_down)
    const struct CMUnitTest tests[] = {
        CASE(replies_are_those_without_pieces),
        CASE(readers_see_one_state_and_never_an_older_one),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
