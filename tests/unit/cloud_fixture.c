/* Invariant: no controller runs, so what a test reads is what the rule that it tries wrote. */
#include "tests/unit/cloud_fixture.h"

#include "base/file.h"
#include "cloud/known_policies.h"
#include "store/known_records.h"
#include <stdarg.h>

struct Cloud {
    Store *store;
    KnownRecords *known_records;
    KnownPolicies *known_policies;
    unsigned network_wakes;
    char *network_added;
    int64_t now; /* a second later each time it is asked for */
};

/* Of cloud/cloud.h. */

Store *cloud_store(Cloud *cloud)
{
    return cloud->store;
}

struct KnownRecords *cloud_known_records(Cloud *cloud)
{
    return cloud->known_records;
}

struct KnownPolicies *cloud_known_policies(Cloud *cloud)
{
    return cloud->known_policies;
}

int64_t cloud_now(Cloud *cloud)
{
    return cloud->now += CLOCK_SECOND;
}

/* No file of a certificate is there. */
const char *cloud_state_dir(Cloud *cloud)
{
    return "/nonexistent";
}

const char *cloud_addresses(Cloud *cloud)
{
    return "127.77.0.0/16";
}

void cloud_wake_network(Cloud *cloud)
{
    cloud->network_wakes++;
}

bool cloud_add_network(Cloud *cloud, const Vpc *vpc, GError **error)
{
    g_free(cloud->network_added);
    cloud->network_added = g_strdup(vpc->id);
    return true;
}

const char *cloud_network_added(CloudFixture *fixture)
{
    return fixture->cloud->network_added;
}

unsigned cloud_network_wakes(CloudFixture *fixture)
{
    return fixture->cloud->network_wakes;
}

static Context context_of(CloudFixture *fixture, const char *account_id)
{
    return (Context){
        .cloud = fixture->cloud,
        .arena = arena_new(),
        .caller = {.account_id = account_id},
        .region = HOME_REGION,
    };
}

int cloud_set_up(void **state)
{
    CloudFixture *fixture = g_new0(CloudFixture, 1);
    g_autoptr(Txn) txn = NULL;
    fixture->directory = scratch_directory();
    fixture->cloud = g_new0(Cloud, 1);
    fixture->cloud->now = 1900000000 * CLOCK_SECOND;
    fixture->context = context_of(fixture, ACCOUNT);
    fixture->other = context_of(fixture, OTHER_ACCOUNT);
    assert_works(store_open(fixture->directory, &fixture->cloud->store, error) &&
                 txn_begin(fixture->cloud->store, &txn, error) &&
                 catalog_seed(&fixture->context, txn, error) &&
                 catalog_seed_account(&fixture->context, txn, ACCOUNT, error) &&
                 catalog_seed_account(&fixture->other, txn, OTHER_ACCOUNT, error) &&
                 txn_commit(&txn, error));
    fixture->cloud->known_records = known_records_new(fixture->cloud->store);
    fixture->cloud->known_policies = known_policies_new();
    *state = fixture;
    return 0;
}

int cloud_tear_down(void **state)
{
    CloudFixture *fixture = *state;
    known_records_free(fixture->cloud->known_records);
    known_policies_free(fixture->cloud->known_policies);
    store_close(fixture->cloud->store);
    file_remove_tree(fixture->directory, NULL);
    arena_free(fixture->context.arena);
    arena_free(fixture->other.arena);
    g_free(fixture->cloud->network_added);
    g_free(fixture->cloud);
    g_free(fixture->directory);
    g_free(fixture);
    return 0;
}

void check_fault(const GError *error, Fault fault, const char *text)
{
    assert_error_says(error, text);
    if (!fault_is(error, fault))
        fail_msg("\"%s\" is not %s", error->message, fault_code(fault));
}

List texts(Context *context, ...)
{
    List list = {0};
    va_list arguments;
    va_start(arguments, context);
    for (const char *text; (text = va_arg(arguments, const char *)) != NULL;)
        list_add(&list, context->arena, text);
    va_end(arguments);
    return list;
}

List pairs(Context *context, ...)
{
    List list = {0};
    va_list arguments;
    va_start(arguments, context);
    for (const char *key; (key = va_arg(arguments, const char *)) != NULL;) {
        const char *value = va_arg(arguments, const char *);
        TagPair *pair = arena_new_struct(context->arena, TagPair);
        *pair = (TagPair){.key = key, .value = strcmp(value, "-") == 0 ? NULL : value};
        list_add(&list, context->arena, pair);
    }
    va_end(arguments);
    return list;
}

List filter(Context *context, const char *name, const char *value)
{
    List list = {0};
    FindFilter *filter = arena_new_struct(context->arena, FindFilter);
    filter->name = name;
    list_add(&filter->values, context->arena, value);
    list_add(&list, context->arena, filter);
    return list;
}

const Vpc *default_vpc(Context *context)
{
    g_autoptr(Txn) txn = NULL;
    Vpc *vpc = NULL;
    assert_works(txn_begin_read(cloud_store(context->cloud), &txn, error) &&
                 vpc_find_default(txn, context->arena, context->caller.account_id, &vpc, error));
    assert_non_null(vpc);
    return vpc;
}

const char *group_id(Context *context, const char *name)
{
    g_autoptr(Txn) txn = NULL;
    void *found = NULL;
    const char *vpc_id = default_vpc(context)->id;
    assert_works(
        txn_begin_read(cloud_store(context->cloud), &txn, error) &&
        record_query_one(txn, context->arena, QUERY_GROUP_BY_NAME, &found, error, vpc_id, name));
    assert_non_null(found);
    const SecurityGroup *group = found;
    return group->id;
}
