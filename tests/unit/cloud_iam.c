/* cloud/iam.h: users, keys and policies of an account, and more accounts. */
#include "tests/unit/cloud_fixture.h"
#include "cloud/accounts.h"
#include "cloud/iam.h"

#define POLICY(action)                                                                             \
    "{\"Statement\": {\"Effect\": \"Allow\", \"Action\": \"" action "\", \"Resource\": \"*\"}}"

static User *new_user(Context *context, const char *name)
{
    User *user = NULL;
    assert_works(iam_create_user(context, name, NULL, &user, error));
    return user;
}

/* What a user's calls come with. */
static Context as_user(const Context *context, const char *name)
{
    Context user = *context;
    user.caller.arn =
        arena_printf(context->arena, "arn:aws:iam::%s:user/%s", context->caller.account_id, name);
    return user;
}

static void a_user_belongs_to_its_account(void **state)
{
    CloudFixture *fixture = *state;
    const User *made = new_user(&fixture->context, "alice");
    User *user = NULL;
    assert_works(iam_get_user(&fixture->context, "alice", &user, error));
    assert_string_equal(user->id, made->id);
    assert_true(g_str_has_prefix(user->id, "AIDA"));
    assert_string_equal(user->path, "/");
    assert_fault(iam_get_user(&fixture->other, "alice", &user, error), FAULT_NO_SUCH_ENTITY,
                 "The user with name alice cannot be found.");
    new_user(&fixture->other, "alice");
}

static void names_are_taken_in_any_case(void **state)
{
    Context *context = &((CloudFixture *)*state)->context;
    User *user = NULL;
    new_user(context, "alice");
    assert_fault(iam_create_user(context, "Alice", NULL, &user, error), FAULT_ENTITY_ALREADY_EXISTS,
                 "User with name Alice already exists.");
}

static void names_and_paths_that_cannot_be_are_refused(void **state)
{
    Context *context = &((CloudFixture *)*state)->context;
    User *user = NULL;
    static const char *const names[] = {"", "a b", "a/b", "*", "\xc3\xa4"};
    for (size_t i = 0; i < G_N_ELEMENTS(names); i++)
        assert_fault(iam_create_user(context, names[i], NULL, &user, error), FAULT_VALIDATION_ERROR,
                     "userName is invalid");
    assert_fault(
        iam_create_user(context, arena_printf(context->arena, "%065d", 0), NULL, &user, error),
        FAULT_VALIDATION_ERROR, "less than or equal to 64");
    assert_fault(iam_create_user(context, "a", "staff", &user, error), FAULT_VALIDATION_ERROR,
                 "path is invalid");
}

static void users_are_listed_by_path(void **state)
{
    Context *context = &((CloudFixture *)*state)->context;
    User *user = NULL;
    List all = {0}, staff = {0};
    new_user(context, "b");
    assert_works(iam_create_user(context, "a", "/staff/", &user, error) &&
                 iam_list_users(context, NULL, &all, error) &&
                 iam_list_users(context, "/staff", &staff, error));
    assert_int_equal(all.n, 2);
    assert_int_equal(staff.n, 1);
}

static void a_key_signs_for_its_user_while_it_is_active(void **state)
{
    Context *context = &((CloudFixture *)*state)->context;
    AccessKey *key = NULL, *found = NULL;
    const User *user = new_user(context, "alice");
    Caller caller;
    assert_works(iam_create_access_key(context, "alice", &key, error) &&
                 account_find_key(context->cloud, context->arena, key->id, &found, error));
    assert_works(account_caller(context->cloud, context->arena, found, &caller, error));
    assert_string_equal(caller.arn, "arn:aws:iam::" ACCOUNT ":user/alice");
    assert_string_equal(caller.user_id, user->id);
    assert_string_equal(caller_user_name(&caller), "alice");

    assert_works(iam_update_access_key(context, "alice", key->id, false, error) &&
                 account_find_key(context->cloud, context->arena, key->id, &found, error));
    assert_null(found);
    assert_works(iam_update_access_key(context, "alice", key->id, true, error) &&
                 account_find_key(context->cloud, context->arena, key->id, &found, error));
    assert_non_null(found);
    assert_works(iam_delete_access_key(context, "alice", key->id, error));
    assert_fault(iam_delete_access_key(context, "alice", key->id, error), FAULT_NO_SUCH_ENTITY,
                 key->id);
}

static void a_path_is_part_of_who_calls(void **state)
{
    Context *context = &((CloudFixture *)*state)->context;
    User *user = NULL;
    AccessKey *key = NULL;
    Caller caller;
    assert_works(iam_create_user(context, "alice", "/staff/north/", &user, error) &&
                 iam_create_access_key(context, "alice", &key, error) &&
                 account_caller(context->cloud, context->arena, key, &caller, error));
    assert_string_equal(caller.arn, "arn:aws:iam::" ACCOUNT ":user/staff/north/alice");
    assert_string_equal(caller_user_name(&caller), "alice");
}

static void a_user_has_two_keys_at_most(void **state)
{
    Context *context = &((CloudFixture *)*state)->context;
    AccessKey *key = NULL;
    List keys = {0};
    new_user(context, "alice");
    assert_works(iam_create_access_key(context, "alice", &key, error) &&
                 iam_create_access_key(context, "alice", &key, error));
    assert_fault(iam_create_access_key(context, "alice", &key, error), FAULT_LIMIT_EXCEEDED,
                 "AccessKeysPerUser: 2");
    assert_works(iam_list_access_keys(context, "alice", &keys, error));
    assert_int_equal(keys.n, 2);
    assert_fault(iam_create_access_key(context, "bob", &key, error), FAULT_NO_SUCH_ENTITY, "bob");
}

static void without_a_name_the_caller_is_meant(void **state)
{
    Context *context = &((CloudFixture *)*state)->context;
    Context alice = as_user(context, "alice");
    AccessKey *key = NULL;
    User *user = NULL;
    List keys = {0};
    new_user(context, "alice");
    assert_works(iam_create_access_key(&alice, NULL, &key, error) &&
                 iam_get_user(&alice, NULL, &user, error));
    assert_string_equal(key->user_name, "alice");
    assert_string_equal(user->name, "alice");
    assert_works(iam_create_access_key(context, NULL, &key, error) &&
                 iam_get_user(context, NULL, &user, error) &&
                 iam_list_access_keys(context, NULL, &keys, error));
    assert_null(key->user_name);
    assert_null(user->name);
    assert_string_equal(user->id, ACCOUNT);
    assert_int_equal(keys.n, 1);
}

static void the_last_key_of_root_stays(void **state)
{
    Context *context = &((CloudFixture *)*state)->context;
    AccessKey *first = NULL, *second = NULL;
    assert_works(iam_create_access_key(context, NULL, &first, error));
    assert_fault(iam_delete_access_key(context, NULL, first->id, error), FAULT_DELETE_CONFLICT,
                 "last active key");
    assert_works(iam_create_access_key(context, NULL, &second, error) &&
                 iam_update_access_key(context, NULL, first->id, false, error));
    assert_fault(iam_update_access_key(context, NULL, second->id, false, error),
                 FAULT_DELETE_CONFLICT, "last active key");
    assert_fault(iam_delete_access_key(context, NULL, second->id, error), FAULT_DELETE_CONFLICT,
                 "last active key");
}

static void a_user_with_something_is_not_deleted(void **state)
{
    Context *context = &((CloudFixture *)*state)->context;
    AccessKey *key = NULL;
    User *user = NULL;
    new_user(context, "alice");
    assert_works(iam_create_access_key(context, "alice", &key, error) &&
                 iam_put_user_policy(context, "alice", "p", POLICY("s3:*"), error));
    assert_fault(iam_delete_user(context, "alice", error), FAULT_DELETE_CONFLICT, "access keys");
    assert_works(iam_delete_access_key(context, "alice", key->id, error));
    assert_fault(iam_delete_user(context, "alice", error), FAULT_DELETE_CONFLICT,
                 "must delete policies first");
    assert_works(iam_delete_user_policy(context, "alice", "p", error) &&
                 iam_delete_user(context, "alice", error));
    assert_fault(iam_get_user(context, "alice", &user, error), FAULT_NO_SUCH_ENTITY, "alice");
}

static void policies_are_kept_as_they_were_put(void **state)
{
    Context *context = &((CloudFixture *)*state)->context;
    UserPolicy *policy = NULL;
    List names = {0};
    new_user(context, "alice");
    assert_works(iam_put_user_policy(context, "alice", "p", POLICY("s3:*"), error) &&
                 iam_put_user_policy(context, "alice", "p", POLICY("ec2:*"), error) &&
                 iam_get_user_policy(context, "alice", "p", &policy, error) &&
                 iam_list_user_policies(context, "alice", &names, error));
    assert_string_equal(policy->document, POLICY("ec2:*"));
    assert_int_equal(names.n, 1);
    assert_fault(iam_get_user_policy(context, "alice", "q", &policy, error), FAULT_NO_SUCH_ENTITY,
                 "The user policy with name q cannot be found.");
    assert_fault(iam_put_user_policy(context, "alice", "p", "{}", error),
                 FAULT_MALFORMED_POLICY_DOCUMENT, "Syntax errors in policy.");
    assert_fault(iam_put_user_policy(context, "bob", "p", POLICY("s3:*"), error),
                 FAULT_NO_SUCH_ENTITY, "bob");
}

static void policies_of_a_user_are_2048_bytes_at_most(void **state)
{
    Context *context = &((CloudFixture *)*state)->context;
    new_user(context, "alice");
    const char *half = arena_printf(context->arena,
                                    "{\"Id\": \"%01010d\",%1000s \"Statement\": {\"Effect\": "
                                    "\"Deny\", \"Action\": \"s3:*\", \"Resource\": \"*\"}}",
                                    0, "");
    assert_works(iam_put_user_policy(context, "alice", "a", half, error) &&
                 iam_put_user_policy(context, "alice", "a", half, error));
    assert_fault(iam_put_user_policy(context, "alice", "b", half, error), FAULT_LIMIT_EXCEEDED,
                 "Maximum policy size of 2048 bytes exceeded for user alice");
}

static PolicyDecision decide(Context *context, const char *action)
{
    g_autoptr(Txn) txn = NULL;
    PolicyDecision decision = POLICY_SILENT;
    PolicyRequest request = {
        .action = action,
        .resource = "*",
        .account_id = context->caller.account_id,
        .arn = context->caller.arn,
    };
    assert_works(txn_begin_read(cloud_store(context->cloud), &txn, error) &&
                 iam_evaluate(context->cloud, txn, context->arena, &context->caller, &request,
                              &decision, error));
    return decision;
}

static void root_may_everything_and_a_user_what_he_is_allowed(void **state)
{
    Context *context = &((CloudFixture *)*state)->context;
    Context alice = as_user(context, "alice");
    new_user(context, "alice");
    assert_int_equal(decide(context, "s3:GetObject"), POLICY_ALLOW);
    assert_int_equal(decide(&alice, "s3:GetObject"), POLICY_SILENT);
    assert_works(iam_put_user_policy(context, "alice", "p", POLICY("s3:*"), error));
    assert_int_equal(decide(&alice, "s3:GetObject"), POLICY_ALLOW);
    assert_int_equal(decide(&alice, "ec2:RunInstances"), POLICY_SILENT);
    assert_works(iam_put_user_policy(context, "alice", "q",
                                     "{\"Statement\": {\"Effect\": \"Deny\", \"Action\": "
                                     "\"s3:Get*\", \"Resource\": \"*\"}}",
                                     error));
    assert_int_equal(decide(&alice, "s3:GetObject"), POLICY_DENY);
    assert_int_equal(decide(&alice, "s3:PutObject"), POLICY_ALLOW);
}

static PolicyDecision decide_all(Context *context, const char *first, const char *second)
{
    const PolicyRequest request = {.action = "ec2:StopInstances"};
    PolicyDecision decision = POLICY_SILENT;
    List resources = {0};
    g_autoptr(Txn) txn = NULL;
    list_add(&resources, context->arena, first);
    list_add(&resources, context->arena, second);
    assert_works(txn_begin_read(cloud_store(context->cloud), &txn, error) &&
                 iam_evaluate_all(context->cloud, txn, context->arena, &context->caller, &request,
                                  &resources, &decision, error));
    return decision;
}

static void of_several_resources_each_has_to_be_allowed(void **state)
{
    CloudFixture *fixture = *state;
    Context alice = fixture->context;
    alice.caller.arn = "arn:aws:iam::" ACCOUNT ":user/alice";
    new_user(&fixture->context, "alice");
    assert_works(iam_put_user_policy(
        &fixture->context, "alice", "p",
        "{\"Statement\": [{\"Effect\": \"Allow\", \"Action\": \"*\", \"Resource\": "
        "[\"arn:a:b:c:d:1\", \"arn:a:b:c:d:2\"]}, {\"Effect\": \"Deny\", \"Action\": \"*\", "
        "\"Resource\": \"arn:a:b:c:d:3\"}]}",
        error));
    assert_int_equal(decide_all(&alice, "arn:a:b:c:d:1", "arn:a:b:c:d:2"), POLICY_ALLOW);
    assert_int_equal(decide_all(&alice, "arn:a:b:c:d:4", "arn:a:b:c:d:1"), POLICY_SILENT);
    assert_int_equal(decide_all(&alice, "arn:a:b:c:d:3", "arn:a:b:c:d:4"), POLICY_DENY);
    assert_int_equal(decide_all(&alice, "arn:a:b:c:d:4", "arn:a:b:c:d:3"), POLICY_DENY);
    assert_int_equal(decide_all(&fixture->context, "arn:a:b:c:d:3", "arn:a:b:c:d:4"), POLICY_ALLOW);
}

/* ---- accounts ---- */

static void a_new_account_has_all_that_the_first_one_has(void **state)
{
    CloudFixture *fixture = *state;
    Context *context = &fixture->context;
    Account *account = NULL;
    AccessKey *key = NULL, *found = NULL;
    assert_works(account_create(context->cloud, context->arena, "alt", &account, &key, error) &&
                 account_find_key(context->cloud, context->arena, key->id, &found, error));
    assert_int_equal(strlen(account->id), 12);
    assert_int_equal(strspn(account->canonical_id, "0123456789abcdef"), 64);
    assert_int_equal(strlen(found->secret), 40);

    Context theirs = *context;
    assert_works(account_caller(context->cloud, context->arena, found, &theirs.caller, error));
    assert_string_equal(theirs.caller.arn,
                        arena_printf(context->arena, "arn:aws:iam::%s:root", account->id));
    assert_string_not_equal(default_vpc(&theirs)->id, default_vpc(context)->id);
    assert_non_null(group_id(&theirs, "default"));
    assert_string_equal(cloud_network_added(fixture), default_vpc(&theirs)->id);
}

static void names_of_accounts_are_taken_once(void **state)
{
    Context *context = &((CloudFixture *)*state)->context;
    Account *account = NULL;
    AccessKey *key = NULL;
    List all = {0};
    assert_works(account_create(context->cloud, context->arena, "alt", &account, &key, error));
    assert_fault(account_create(context->cloud, context->arena, "alt", &account, &key, error),
                 FAULT_ENTITY_ALREADY_EXISTS, "alt");
    assert_fault(account_create(context->cloud, context->arena, "a b", &account, &key, error),
                 FAULT_VALIDATION_ERROR, "name");
    assert_works(accounts_list(context->cloud, context->arena, &all, error));
    assert_int_equal(all.n, 1);
}

static void seeding_makes_one_account_and_keeps_its_key(void **state)
{
    Context *context = &((CloudFixture *)*state)->context;
    Account *account = NULL;
    AccessKey *first = NULL, *second = NULL;
    g_autoptr(Txn) txn = NULL;
    assert_works(txn_begin(cloud_store(context->cloud), &txn, error) &&
                 account_seed(txn, context->arena, 1, &first, error) &&
                 account_seed(txn, context->arena, 2, &second, error) &&
                 account_first(txn, context->arena, &account, error));
    assert_string_equal(first->id, second->id);
    assert_string_equal(first->account_id, account->id);
    assert_int_equal(strlen(account->canonical_id), 64);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cloud_test(a_user_belongs_to_its_account),
        cloud_test(names_are_taken_in_any_case),
        cloud_test(names_and_paths_that_cannot_be_are_refused),
        cloud_test(users_are_listed_by_path),
        cloud_test(a_key_signs_for_its_user_while_it_is_active),
        cloud_test(a_path_is_part_of_who_calls),
        cloud_test(a_user_has_two_keys_at_most),
        cloud_test(without_a_name_the_caller_is_meant),
        cloud_test(the_last_key_of_root_stays),
        cloud_test(a_user_with_something_is_not_deleted),
        cloud_test(policies_are_kept_as_they_were_put),
        cloud_test(policies_of_a_user_are_2048_bytes_at_most),
        cloud_test(root_may_everything_and_a_user_what_he_is_allowed),
        cloud_test(of_several_resources_each_has_to_be_allowed),
        cloud_test(a_new_account_has_all_that_the_first_one_has),
        cloud_test(names_of_accounts_are_taken_once),
        cloud_test(seeding_makes_one_account_and_keeps_its_key),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
