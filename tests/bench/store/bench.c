/* What a RunInstances-like transaction (6 rows, 6 tables) costs through the store and through bare
 * SQLite with the same schema and settings, interleaved in one run; and what reading costs.
 *
 *     bench_store [directory]    (on the disk to be measured; default /var/tmp) */
#include "store/find.h"

#include "base/file.h"
#include "base/id.h"
#include <sqlite3.h>
#include <stdio.h>
#include <stdlib.h>
#include <time.h>

#define ROUNDS 9
#define PER_ROUND 200
#define INSTANCES 10000
#define ACCOUNT "000000000000"

/* A macro, so that error is looked at after the call that sets it. */
#define must(call, error)                                                                          \
    do {                                                                                           \
        if (!(call))                                                                               \
            die(error);                                                                            \
    } while (0)

static void die(const GError *error)
{
    g_error("%s", error ? error->message : "failed");
}

typedef struct Cost {
    double wall; /* µs */
    double cpu;
} Cost;

static double seconds(clockid_t clock)
{
    struct timespec now;
    clock_gettime(clock, &now);
    return (double)now.tv_sec + (double)now.tv_nsec * 1e-9;
}

static Cost cost_now(void)
{
    return (Cost){seconds(CLOCK_MONOTONIC) * 1e6, seconds(CLOCK_PROCESS_CPUTIME_ID) * 1e6};
}

static Cost cost_since(Cost start, unsigned n)
{
    Cost now = cost_now();
    return (Cost){(now.wall - start.wall) / n, (now.cpu - start.cpu) / n};
}

typedef struct Launch {
    Instance instance;
    Eni eni;
    EniGroup eni_group;
    Volume volume;
    Tag tag;
    ClientToken token;
} Launch;

static Launch *make_launch(Arena *arena, unsigned i)
{
    Launch *l = arena_new_struct(arena, Launch);
    const char *ip = arena_printf(arena, "172.%u.%u.%u", 16 + i / 65536, i / 256 % 256, i % 256);
    char *id = id_new(arena, "i");
    l->instance = (Instance){
        .id = id,
        .account_id = ACCOUNT,
        .reservation_id = id_new(arena, "r"),
        .image_id = i % 100 ? "ami-00000000000000001" : "ami-00000000000000002",
        .type = i % 3 ? "t2.micro" : "m1.small",
        .key_name = "key",
        .vpc_id = "vpc-00000000000000001",
        .subnet_id = arena_printf(arena, "subnet-0000000000000000%u", i % 6),
        .zone = "us-east-1a",
        .private_ip = ip,
        .architecture = "x86_64",
        .root_device_name = "/dev/xvda",
        .root_device_type = "ebs",
        .state = i % 500 ? INSTANCE_RUNNING : INSTANCE_TERMINATED,
        .state_since = 1800000000000000,
        .launch_time = 1800000000000000,
        .shutdown_behavior = "stop",
        .source_dest_check = true,
        .tenancy = "default",
        .uuid = id_new_uuid(arena),
        .client_token = id_new_uuid(arena),
        .http_tokens = "optional",
        .http_endpoint = "enabled",
        .http_hop_limit = 1,
        .http_tags = "disabled",
    };
    l->eni = (Eni){
        .id = id_new(arena, "eni"),
        .account_id = ACCOUNT,
        .instance_id = id,
        .vpc_id = "vpc-00000000000000001",
        .subnet_id = l->instance.subnet_id,
        .zone = "us-east-1a",
        .mac = "0a:00:00:00:00:01",
        .private_ip = ip,
        .description = "",
        .attachment_id = id_new(arena, "eni-attach"),
        .delete_on_termination = true,
        .source_dest_check = true,
        .created = 1800000000000000,
    };
    l->eni_group = (EniGroup){l->eni.id, "sg-00000000000000001"};
    l->volume = (Volume){
        .id = id_new(arena, "vol"),
        .account_id = ACCOUNT,
        .zone = "us-east-1a",
        .size_gib = 8,
        .type = "gp2",
        .state = VOLUME_IN_USE,
        .instance_id = id,
        .device = "/dev/xvda",
        .delete_on_termination = true,
        .path = arena_printf(arena, "volumes/%s", id),
        .created = 1800000000000000,
    };
    l->tag = (Tag){id, "Name", arena_printf(arena, "web-%u", i), ACCOUNT, "instance"};
    l->token = (ClientToken){ACCOUNT,
                             "RunInstances",
                             l->instance.client_token,
                             "0123456789abcdef",
                             l->instance.reservation_id,
                             1800000000000000};
    return l;
}

static void insert_launch(Txn *txn, const Launch *l)
{
    g_autoptr(GError) error = NULL;
    must(instance_insert(txn, &l->instance, &error) && eni_insert(txn, &l->eni, &error) &&
             eni_group_insert(txn, &l->eni_group, &error) &&
             volume_insert(txn, &l->volume, &error) && tag_insert(txn, &l->tag, &error) &&
             client_token_insert(txn, &l->token, &error),
         error);
}

static void launch(Store *store, const Launch *l)
{
    g_autoptr(GError) error = NULL;
    g_autoptr(Txn) txn = NULL;
    must(txn_begin(store, &txn, &error), error);
    insert_launch(txn, l);
    must(txn_commit(&txn, &error), error);
}

/* The same rows by hand: a statement a table, bound by the column tables. */
typedef struct Bare {
    sqlite3 *db;
    sqlite3_stmt *begin, *commit;
    sqlite3_stmt *inserts[6];
} Bare;

static void bare_must(Bare *bare, int code)
{
    if (code != SQLITE_OK && code != SQLITE_DONE)
        g_error("%s", sqlite3_errmsg(bare->db));
}

static void bare_prepare(Bare *bare, const char *sql, sqlite3_stmt **statement)
{
    bare_must(bare,
              sqlite3_prepare_v3(bare->db, sql, -1, SQLITE_PREPARE_PERSISTENT, statement, NULL));
}

static const RecordType *launch_type(unsigned i)
{
    const RecordType *types[] = {instance_record_type(),  eni_record_type(),
                                 eni_group_record_type(), volume_record_type(),
                                 tag_record_type(),       client_token_record_type()};
    return types[i];
}

static void bare_open(Bare *bare, const char *directory)
{
    g_autofree char *path = g_build_filename(directory, "cumulet.db", NULL);
    bare_must(bare,
              sqlite3_open_v2(path, &bare->db, SQLITE_OPEN_READWRITE | SQLITE_OPEN_NOMUTEX, NULL));
    bare_must(bare, sqlite3_exec(bare->db,
                                 "PRAGMA synchronous = FULL; PRAGMA wal_autocheckpoint = 0;"
                                 "PRAGMA secure_delete = FAST; PRAGMA cache_size = -2048",
                                 NULL, NULL, NULL));
    bare_prepare(bare, "BEGIN IMMEDIATE", &bare->begin);
    bare_prepare(bare, "COMMIT", &bare->commit);
    for (unsigned i = 0; i < 6; i++) {
        const RecordType *type = launch_type(i);
        g_autoptr(GString) sql = g_string_new(NULL);
        g_string_printf(sql, "INSERT INTO %s VALUES (", type->table);
        for (size_t j = 0; j < type->n_columns; j++)
            g_string_append(sql, j ? ", ?" : "?");
        g_string_append_c(sql, ')');
        bare_prepare(bare, sql->str, &bare->inserts[i]);
    }
}

static void bare_step(Bare *bare, sqlite3_stmt *statement)
{
    bare_must(bare, sqlite3_step(statement));
    sqlite3_reset(statement);
}

static void bare_insert(Bare *bare, unsigned table, const void *record)
{
    const RecordType *type = launch_type(table);
    sqlite3_stmt *statement = bare->inserts[table];
    for (size_t i = 0; i < type->n_columns; i++) {
        const char *at = (const char *)record + type->columns[i].offset;
        int n = (int)i + 1;
        switch (type->columns[i].kind) {
        case COLUMN_TEXT:
            sqlite3_bind_text(statement, n, *(const char *const *)at, -1, SQLITE_STATIC);
            break;
        case COLUMN_INT:
            sqlite3_bind_int64(statement, n, *(const int64_t *)at);
            break;
        case COLUMN_BOOL:
            sqlite3_bind_int(statement, n, *(const bool *)at);
            break;
        case COLUMN_STATE:
            sqlite3_bind_text(statement, n, state_name(type->columns[i].machine, *(const int *)at),
                              -1, SQLITE_STATIC);
            break;
        }
    }
    bare_step(bare, statement);
}

static void bare_launch(Bare *bare, const Launch *l)
{
    bare_step(bare, bare->begin);
    bare_insert(bare, 0, &l->instance);
    bare_insert(bare, 1, &l->eni);
    bare_insert(bare, 2, &l->eni_group);
    bare_insert(bare, 3, &l->volume);
    bare_insert(bare, 4, &l->tag);
    bare_insert(bare, 5, &l->token);
    bare_step(bare, bare->commit);
}

static void bare_close(Bare *bare)
{
    sqlite3_finalize(bare->begin);
    sqlite3_finalize(bare->commit);
    for (unsigned i = 0; i < 6; i++)
        sqlite3_finalize(bare->inserts[i]);
    sqlite3_close(bare->db);
}

static int compare_doubles(const void *a, const void *b)
{
    double x = *(const double *)a, y = *(const double *)b;
    return (x > y) - (x < y);
}

static double median(const double *values, size_t n)
{
    double *sorted = g_memdup2(values, n * sizeof(*values));
    qsort(sorted, n, sizeof(*sorted), compare_doubles);
    double result = sorted[n / 2];
    g_free(sorted);
    return result;
}

static double one_wall(Cost start)
{
    return cost_now().wall - start.wall;
}

static void bench_launch(Store *store, Bare *bare)
{
    double wall[2][ROUNDS * PER_ROUND], cpu[2][ROUNDS], ratio[ROUNDS];
    for (unsigned round = 0; round < ROUNDS; round++) {
        for (unsigned turn = 0; turn < 2; turn++) {
            unsigned which = (round + turn) % 2;
            g_autoptr(Arena) arena = arena_new();
            Launch *launches[PER_ROUND];
            for (unsigned i = 0; i < PER_ROUND; i++)
                launches[i] = make_launch(arena, 1000000 + round * PER_ROUND + i);
            Cost start = cost_now();
            for (unsigned i = 0; i < PER_ROUND; i++) {
                Cost one = cost_now();
                if (which == 0)
                    launch(store, launches[i]);
                else
                    bare_launch(bare, launches[i]);
                wall[which][round * PER_ROUND + i] = one_wall(one);
            }
            cpu[which][round] = cost_since(start, PER_ROUND).cpu;
        }
        ratio[round] = median(wall[0] + round * PER_ROUND, PER_ROUND) /
                       median(wall[1] + round * PER_ROUND, PER_ROUND);
    }
    printf("launch, store:  p50 %4.0f us, CPU %4.0f us\n", median(wall[0], ROUNDS * PER_ROUND),
           median(cpu[0], ROUNDS));
    printf("launch, bare:   p50 %4.0f us, CPU %4.0f us\n", median(wall[1], ROUNDS * PER_ROUND),
           median(cpu[1], ROUNDS));
    printf("launch, store / bare: %.2f (median of %d paired rounds)\n", median(ratio, ROUNDS),
           ROUNDS);
}

typedef struct LaunchThread {
    Store *store;
    unsigned first;
    unsigned n;
} LaunchThread;

static void *launch_many(void *data)
{
    const LaunchThread *self = data;
    g_autoptr(Arena) arena = arena_new();
    for (unsigned i = 0; i < self->n; i++)
        launch(self->store, make_launch(arena, self->first + i));
    return NULL;
}

static void bench_threads(Store *store, unsigned n_threads)
{
    LaunchThread threads[64];
    GThread *handles[64];
    StoreStats before, after;
    store_stats(store, &before);
    Cost start = cost_now();
    for (unsigned i = 0; i < n_threads; i++) {
        threads[i] = (LaunchThread){store, 2000000 + n_threads * 20000 + i * 100, 100};
        handles[i] = g_thread_new("launch", launch_many, &threads[i]);
    }
    for (unsigned i = 0; i < n_threads; i++)
        g_thread_join(handles[i]);
    Cost cost = cost_since(start, n_threads * 100);
    store_stats(store, &after);
    printf("launch, %2u threads: %5.0f/s, CPU %4.0f us each, %.1f transactions a commit\n",
           n_threads, 1e6 / cost.wall, cost.cpu,
           (double)(after.transactions - before.transactions) /
               (double)(after.commits - before.commits));
}

/* One find in a read transaction of its own; how many it gave. */
static size_t find_once(Store *store, Arena *arena, const FindQuery *query, List *list)
{
    g_autoptr(GError) error = NULL;
    g_autoptr(Txn) txn = NULL;
    must(txn_begin_read(store, &txn, &error), error);
    must(find(txn, arena, &instance_finder, query, list, NULL, &error), error);
    return list->n;
}

static void bench_find(Store *store, const char *label, const char *name, const char *value,
                       int64_t limit)
{
    FindFilter filter = {.name = name};
    List filters = {0};
    g_autoptr(Arena) keep = arena_new();
    if (name) {
        list_add(&filter.values, keep, value);
        if (g_str_has_suffix(label, "(2 values)"))
            list_add(&filter.values, keep, "pending");
        list_add(&filters, keep, &filter);
    }
    FindQuery query = {.account_id = ACCOUNT, .filters = &filters, .limit = limit};
    double wall[25];
    size_t n = 0;
    for (unsigned i = 0; i < G_N_ELEMENTS(wall); i++) {
        g_autoptr(Arena) arena = arena_new();
        List list = {0};
        Cost start = cost_now();
        n = find_once(store, arena, &query, &list);
        wall[i] = cost_now().cpu - start.cpu;
    }
    printf("find %-44s %5zu rows %8.0f us\n", label, n, median(wall, G_N_ELEMENTS(wall)));
}

/* What DescribeInstances reads for a page of 1,000. */
static void bench_page(Store *store)
{
    double wall[25], found[25];
    FindQuery query = {.account_id = ACCOUNT, .limit = 1000};
    for (unsigned i = 0; i < G_N_ELEMENTS(wall); i++) {
        g_autoptr(GError) error = NULL;
        g_autoptr(Arena) arena = arena_new();
        g_autoptr(Txn) txn = NULL;
        List instances = {0}, ids = {0}, enis = {0}, eni_ids = {0}, groups = {0}, tags = {0},
             volumes = {0};
        Cost start = cost_now();
        must(txn_begin_read(store, &txn, &error), error);
        must(find(txn, arena, &instance_finder, &query, &instances, NULL, &error), error);
        found[i] = cost_now().cpu - start.cpu;
        LIST_EACH (const Instance *, instance, &instances)
            list_add(&ids, arena, instance->id);
        must(
            record_list_in(txn, arena, eni_record_type(), "instance_id", &ids, &enis, &error) &&
                record_list_in(txn, arena, tag_record_type(), "resource_id", &ids, &tags, &error) &&
                record_list_in(txn, arena, volume_record_type(), "instance_id", &ids, &volumes,
                               &error),
            error);
        LIST_EACH (const Eni *, eni, &enis)
            list_add(&eni_ids, arena, eni->id);
        must(record_list_in(txn, arena, eni_group_record_type(), "eni_id", &eni_ids, &groups,
                            &error),
             error);
        must(txn_commit(&txn, &error), error);
        wall[i] = cost_now().cpu - start.cpu;
        g_assert(instances.n == 1000 && enis.n == 1000 && groups.n == 1000 && tags.n == 1000);
    }
    printf("page of 1000 with interfaces, groups, tags, volumes: %.0f us (find alone %.0f us)\n",
           median(wall, G_N_ELEMENTS(wall)), median(found, G_N_ELEMENTS(found)));
}

static void bench_update(Store *store, const char *id)
{
    double wall[200];
    Cost start = cost_now();
    for (unsigned i = 0; i < G_N_ELEMENTS(wall); i++) {
        g_autoptr(GError) error = NULL;
        g_autoptr(Arena) arena = arena_new();
        g_autoptr(Txn) txn = NULL;
        Instance *instance;
        Cost one = cost_now();
        must(txn_begin(store, &txn, &error), error);
        must(instance_get(txn, arena, id, &instance, &error), error);
        instance->state =
            instance->state == INSTANCE_RUNNING ? INSTANCE_STOPPING : INSTANCE_RUNNING;
        instance->state_since += 1;
        must(instance_put(txn, instance, &error) && txn_commit(&txn, &error), error);
        wall[i] = one_wall(one);
    }
    printf("change of state: p50 %.0f us, CPU %.0f us\n", median(wall, G_N_ELEMENTS(wall)),
           cost_since(start, G_N_ELEMENTS(wall)).cpu);
}

int main(int argc, char **argv)
{
    g_autofree char *directory =
        g_build_filename(argc > 1 ? argv[1] : "/var/tmp", "cumulet-bench-XXXXXX", NULL);
    g_autoptr(GError) error = NULL;
    must(g_mkdtemp(directory), error);
    g_autofree char *other = g_build_filename(directory, "bare", NULL);

    Store *store, *bare_store;
    Cost start = cost_now();
    must(store_open(directory, &store, &error), error);
    printf("open, new: %.1f ms\n", one_wall(start) / 1000);
    must(store_open(other, &bare_store, &error), error);

    g_autoptr(Arena) arena = arena_new();
    Store *stores[] = {store, bare_store};
    Launch *some = NULL;
    for (unsigned s = 0; s < 2; s++) {
        g_autoptr(Txn) txn = NULL;
        must(txn_begin(stores[s], &txn, &error), error);
        for (unsigned i = 0; i < INSTANCES; i++) {
            Launch *l = make_launch(arena, i);
            if (i == 4567)
                some = s == 0 ? l : some;
            insert_launch(txn, l);
        }
        must(txn_commit(&txn, &error), error);
    }
    store_close(bare_store);
    store_close(store);
    start = cost_now();
    must(store_open(directory, &store, &error), error);
    printf("open, %d instances: %.1f ms\n", INSTANCES, one_wall(start) / 1000);

    bench_find(store, "page of 100", NULL, NULL, 100);
    bench_find(store, "instance-id", "instance-id", some->instance.id, 0);
    bench_find(store, "tag:Name", "tag:Name", "web-4567", 0);
    bench_find(store, "tag:Name=web-45*", "tag:Name", "web-45*", 0);
    bench_find(store, "instance-state-name=terminated", "instance-state-name", "terminated", 0);
    bench_find(store, "instance-state-code=48", "instance-state-code", "48", 0);
    bench_find(store, "instance-state-name=running, page of 100", "instance-state-name", "running",
               100);
    bench_find(store, "running or pending, page of 100 (2 values)", "instance-state-name",
               "running", 100);
    bench_find(store, "running", "instance-state-name", "running", 0);
    bench_find(store, "private-ip-address", "private-ip-address", some->instance.private_ip, 0);
    bench_find(store, "dns-name that nobody has", "dns-name", "ec2-127-77-0-5.compute-1.x", 0);
    bench_find(store, "reservation-id", "reservation-id", some->instance.reservation_id, 0);
    bench_find(store, "image-id (100 of them)", "image-id", "ami-00000000000000002", 0);
    bench_find(store, "group-id (all), page of 100", "instance.group-id", "sg-00000000000000001",
               100);
    bench_find(store, "key-name (no index)", "key-name", "none", 0);
    bench_page(store);

    Bare bare = {0};
    bare_open(&bare, other);
    bench_launch(store, &bare);
    bare_close(&bare);
    bench_update(store, some->instance.id);
    bench_threads(store, 8);
    bench_threads(store, 64);

    StoreStats stats;
    store_stats(store, &stats);
    printf("%" G_GUINT64_FORMAT " checkpoints\n", stats.checkpoints);
    g_autoptr(Txn) txn = NULL;
    start = cost_now();
    must(txn_begin(store, &txn, &error) && store_clear(txn, &error) && txn_commit(&txn, &error),
         error);
    printf("clear: %.1f ms\n", one_wall(start) / 1000);
    store_close(store);
    must(file_remove_tree(directory, &error), error);
    return 0;
}
