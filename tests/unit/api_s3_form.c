/* POST forms: reading them, and checking them against their policy. */
#include "tests/unit/unit.h"
#include "api/buffer.h"
#include "api/s3/form.h"
#include "api/s3/post_policy.h"
#include "base/clock.h"
#include "base/fault.h"

/* ---- forms ---- */

typedef struct Upload {
    FormDecoder *decoder;
    unsigned begun;
    bool refuse;
    char *key; /* as it was when the file began */
    Buffer bytes;
} Upload;

static bool begin(void *data, GError **error)
{
    Upload *upload = data;
    upload->begun++;
    upload->key = g_strdup(params_get(form_decoder_fields(upload->decoder), "key"));
    return !upload->refuse || fault_set(error, FAULT_ACCESS_DENIED, "no");
}

static void add_bytes(void *data, const char *bytes, size_t size)
{
    buffer_add(&((Upload *)data)->bytes, bytes, size);
}

static const FormEvents events = {begin, add_bytes};

static void upload_clear(Upload *upload)
{
    g_free(upload->key);
    buffer_clear(&upload->bytes);
}
G_DEFINE_AUTO_CLEANUP_CLEAR_FUNC(Upload, upload_clear)

#define TYPE "multipart/form-data; boundary=XyZ"

/* The body in two pieces. */
static bool read_form(Arena *arena, const char *body, size_t size, size_t split, Upload *upload,
                      GError **error)
{
    FormDecoder *decoder;
    if (!form_decoder_new(arena, TYPE, &events, upload, &decoder, error))
        return false;
    upload->decoder = decoder;
    bool ok = form_decoder_feed(decoder, body, split, error) &&
              form_decoder_feed(decoder, body + split, size - split, error) &&
              form_decoder_finish(decoder, error);
    form_decoder_free(decoder);
    return ok;
}

#define PART(name, value)                                                                          \
    "--XyZ\r\nContent-Disposition: form-data; name=\"" name "\"\r\n\r\n" value "\r\n"
#define FILE_PART(filename, value)                                                                 \
    "--XyZ\r\ncontent-disposition: form-data; name=\"file\"; filename=\"" filename                 \
    "\"\r\nContent-Type: image/png\r\n\r\n" value "\r\n"

static const char form[] = "ignored\r\n" PART("Key", "user/${filename}") PART("acl", "")
    FILE_PART("C:\\dir\\a \\\"b\\\".png", "\r\nbytes\r\n--Xy\r\r\n--XyY\r\n\0x")
        PART("submit", "later") "--XyZ--\r\nepilogue";

static void form_is_read_at_every_split(void **state)
{
    static const char expected[] = "\r\nbytes\r\n--Xy\r\r\n--XyY\r\n\0x";
    for (size_t split = 0; split < sizeof(form); split++) {
        g_autoptr(Arena) arena = arena_new();
        g_autoptr(GError) error = NULL;
        g_auto(Upload) upload = {0};
        read_form(arena, form, sizeof(form) - 1, split, &upload, &error);
        assert_no_error(error);
        const Params *fields = form_decoder_fields(upload.decoder);
        assert_int_equal(upload.begun, 1);
        assert_int_equal(fields->n, 2);
        assert_string_equal(params_get(fields, "key"), "user/a \"b\".png");
        assert_string_equal(upload.key, "user/a \"b\".png");
        assert_string_equal(params_get(fields, "acl"), "");
        assert_string_equal(form_decoder_filename(upload.decoder), "a \"b\".png");
        assert_int_equal(upload.bytes.size, sizeof(expected) - 1);
        assert_memory_equal(upload.bytes.data, expected, sizeof(expected) - 1);
    }
}

static void assert_refuses_form(const char *body, Fault fault)
{
    size_t size = strlen(body);
    for (size_t split = 0; split <= size; split += MAX(1, size / 50)) {
        g_autoptr(Arena) arena = arena_new();
        g_autoptr(GError) error = NULL;
        g_auto(Upload) upload = {0};
        assert_false(read_form(arena, body, size, split, &upload, &error));
        assert_non_null(error);
        assert_string_equal(fault_code((Fault)error->code), fault_code(fault));
    }
}

static void cut_form_is_refused(void **state)
{
    g_autofree char *body = g_strdup(PART("key", "a") FILE_PART("f", "bytes") "--XyZ--");
    for (size_t size = strlen(body); size-- > 0;) {
        body[size] = '\0';
        assert_refuses_form(body, FAULT_MALFORMED_POST_REQUEST);
    }
}

static void broken_forms_are_refused(void **state)
{
    assert_refuses_form("--XyZ\r\n\r\nvalue\r\n--XyZ--", FAULT_MALFORMED_POST_REQUEST);
    assert_refuses_form(PART("", "value") "--XyZ--", FAULT_MALFORMED_POST_REQUEST);
    assert_refuses_form(PART("a", "\xff") "--XyZ--", FAULT_MALFORMED_POST_REQUEST);
    assert_refuses_form("--XyZabc\r\n", FAULT_MALFORMED_POST_REQUEST);
    assert_refuses_form("--XyZ\nContent-Disposition: form-data; name=\"a\"\n\nx\n--XyZ--",
                        FAULT_MALFORMED_POST_REQUEST);
    assert_refuses_form(PART("a", "1") PART("A", "2") "--XyZ--", FAULT_INVALID_ARGUMENT);
    assert_refuses_form(PART("key", "a") "--XyZ--", FAULT_INVALID_ARGUMENT);
}

/* Before anybody knows who sends it. */
static void parameters_take_no_memory(void **state)
{
    g_autoptr(GString) header = g_string_new("multipart/form-data");
    while (header->len < 16000)
        g_string_append(header, ";a=\"\"");
    g_autofree char *body =
        g_strdup_printf("--XyZ\r\nContent-Disposition: %s; name=\"key\"\r\n\r\na\r\n" FILE_PART(
                            "f", "bytes") "--XyZ--",
                        header->str);
    g_string_append(header, "; boundary=XyZ");
    g_autoptr(Arena) arena = arena_new();
    g_autoptr(GError) error = NULL;
    g_auto(Upload) upload = {0};
    FormDecoder *decoder;
    assert_true(form_decoder_new(arena, header->str, &events, &upload, &decoder, NULL));
    form_decoder_free(decoder);
    read_form(arena, body, strlen(body), 7, &upload, &error);
    assert_no_error(error);
    assert_string_equal(upload.key, "a");
    assert_in_range(arena_size(arena), 1, 64 * 1024);
}

static void fields_are_bounded(void **state)
{
    g_autofree char *full = g_strnfill(FORM_MAX_FIELDS_SIZE - 180, 'x');
    g_autofree char *much = g_strnfill(FORM_MAX_FIELDS_SIZE, 'x');
    g_autofree char *fits =
        g_strdup_printf(PART("a", "%s") FILE_PART("f", "bytes") "--XyZ--", full);
    g_autofree char *value =
        g_strdup_printf(PART("a", "%s") FILE_PART("f", "bytes") "--XyZ--", much);
    g_autofree char *name = g_strdup_printf(PART("%s", "a") FILE_PART("f", "b") "--XyZ--", much);
    g_autofree char *preamble = g_strdup_printf("%s" FILE_PART("f", "b") "--XyZ--", much);
    g_autofree char *many = g_strdup_printf(
        "%s" FILE_PART("%s", "b") "--XyZ--",
        PART("a", "${filename}${filename}${filename}${filename}${filename}"), full + 1000);
    g_autoptr(Arena) arena = arena_new();
    g_auto(Upload) upload = {0};
    assert_true(read_form(arena, fits, strlen(fits), 7, &upload, NULL));
    assert_refuses_form(value, FAULT_MAX_POST_PRE_DATA);
    assert_refuses_form(name, FAULT_MAX_POST_PRE_DATA);
    assert_refuses_form(preamble, FAULT_MAX_POST_PRE_DATA);
    assert_refuses_form(many, FAULT_MAX_POST_PRE_DATA);
}

static void file_may_be_large(void **state)
{
    g_autoptr(Arena) arena = arena_new();
    g_auto(Upload) upload = {0};
    g_autofree char *bytes = g_strnfill(1000000, '\r');
    g_autofree char *body = g_strdup_printf(PART("key", "a") FILE_PART("", "%s") "--XyZ--", bytes);
    assert_true(read_form(arena, body, strlen(body), 500000, &upload, NULL));
    assert_int_equal(upload.bytes.size, 1000000);
    assert_string_equal(form_decoder_filename(upload.decoder), "");
}

static void refusal_at_the_file_ends_the_reading(void **state)
{
    g_autoptr(Arena) arena = arena_new();
    g_autoptr(GError) error = NULL;
    g_auto(Upload) upload = {.refuse = true};
    assert_false(read_form(arena, form, sizeof(form) - 1, sizeof(form) - 20, &upload, &error));
    assert_true(fault_is(error, FAULT_ACCESS_DENIED));
    assert_int_equal(upload.bytes.size, 0);
    assert_false(form_decoder_feed(upload.decoder, "x", 1, NULL));
}

static void content_type_must_be_a_form(void **state)
{
    static const struct {
        const char *type;
        Fault fault;
    } cases[] = {
        {NULL, FAULT_REQUEST_IS_NOT_MULTIPART},
        {"application/x-www-form-urlencoded", FAULT_REQUEST_IS_NOT_MULTIPART},
        {"multipart/form-data", FAULT_MALFORMED_POST_REQUEST},
        {"multipart/form-data; boundary=", FAULT_MALFORMED_POST_REQUEST},
        {"multipart/form-data; boundary=aaaaaaaaaabbbbbbbbbbaaaaaaaaaabbbbbbbbbbaaaaaaaaaabbbbbbbbb"
         "baaaaaaaaaab",
         FAULT_MALFORMED_POST_REQUEST},
    };
    g_autoptr(Arena) arena = arena_new();
    FormDecoder *decoder;
    for (size_t i = 0; i < G_N_ELEMENTS(cases); i++) {
        g_autoptr(GError) error = NULL;
        assert_false(form_decoder_new(arena, cases[i].type, &events, NULL, &decoder, &error));
        assert_true(fault_is(error, cases[i].fault));
    }
    assert_true(form_decoder_new(arena, "Multipart/Form-Data; charset=utf-8; Boundary=\"a;b\"",
                                 &events, NULL, &decoder, NULL));
}

/* ---- policies ---- */

#define NOW INT64_C(1795339805000000) /* 2026-11-22T09:30:05Z */
#define POLICY(conditions)                                                                         \
    "{\"expiration\":\"2026-11-22T10:00:00Z\",\"conditions\":[" conditions "]}"
#define BUCKET "{\"bucket\":\"pics\"}"

static bool check(const char *policy, const char *const *pairs, PostPolicySize *ret_size,
                  GError **error)
{
    g_autoptr(Arena) arena = arena_new();
    Param items[8];
    Params fields = {items, 0};
    for (; pairs && *pairs; pairs += 2)
        items[fields.n++] = (Param){pairs[0], pairs[1]};
    return post_policy_check(arena, policy, &fields, "pics", NOW, ret_size, error);
}

static void assert_allows(const char *policy, const char *const *pairs)
{
    g_autoptr(GError) error = NULL;
    PostPolicySize size;
    check(policy, pairs, &size, &error);
    assert_no_error(error);
}

static void assert_denies(const char *policy, const char *const *pairs, Fault fault,
                          const char *words)
{
    g_autoptr(GError) error = NULL;
    PostPolicySize size;
    assert_false(check(policy, pairs, &size, &error));
    assert_string_equal(error->message, words);
    assert_true(fault_is(error, fault));
}

#define FIELDS(...)                                                                                \
    (const char *const[])                                                                          \
    {                                                                                              \
        __VA_ARGS__, NULL                                                                          \
    }

static void form_within_its_policy_is_allowed(void **state)
{
    assert_allows(POLICY(BUCKET), NULL);
    assert_allows(POLICY(BUCKET ",[\"starts-with\",\"$key\",\"user/\"],{\"ACL\":\"public-read\"},"
                                "[\"eq\",\"$Content-Type\",\"image/png\"],"
                                "[\"starts-with\",\"$x-amz-meta-tag\",\"\"]"),
                  FIELDS("key", "user/a", "acl", "public-read", "content-type", "image/png",
                         "x-amz-meta-tag", ""));
    assert_allows(POLICY(BUCKET), FIELDS("policy", "p", "x-amz-signature", "s", "awsaccesskeyid",
                                         "a", "signature", "s", "x-ignore-me", "i"));
    assert_allows(POLICY(BUCKET ",[\"starts-with\",\"$Content-Type\",\"image/\"]"),
                  FIELDS("content-type", "image/png, image/gif"));
}

#define DENIED "Invalid according to Policy: "

static void form_outside_its_policy_is_denied(void **state)
{
    assert_denies(POLICY(BUCKET ",{\"acl\":\"private\"}"), FIELDS("acl", "public-read"),
                  FAULT_ACCESS_DENIED,
                  DENIED "Policy Condition failed: [\"eq\", \"$acl\", \"private\"]");
    assert_denies(POLICY(BUCKET ",[\"starts-with\",\"$key\",\"user/\"]"), FIELDS("key", "other"),
                  FAULT_ACCESS_DENIED,
                  DENIED "Policy Condition failed: [\"starts-with\", \"$key\", \"user/\"]");
    assert_denies(POLICY(BUCKET ",[\"starts-with\",\"$key\",\"\"]"), NULL, FAULT_ACCESS_DENIED,
                  DENIED "Policy Condition failed: [\"starts-with\", \"$key\", \"\"]");
    assert_denies(POLICY("{\"bucket\":\"other\"}"), NULL, FAULT_ACCESS_DENIED,
                  DENIED "Policy Condition failed: [\"eq\", \"$bucket\", \"other\"]");
    assert_denies(POLICY(BUCKET), FIELDS("acl", "private"), FAULT_ACCESS_DENIED,
                  DENIED "Extra input fields: acl");
    assert_denies(POLICY(""), NULL, FAULT_ACCESS_DENIED, DENIED "Extra input fields: bucket");
    assert_denies("{\"expiration\":\"2026-11-22T09:30:04Z\",\"conditions\":[]}", NULL,
                  FAULT_ACCESS_DENIED, DENIED "Policy expired.");
    assert_denies(POLICY(BUCKET ",[\"starts-with\",\"$Content-Type\",\"image/\"]"),
                  FIELDS("content-type", "image/png,text/html"), FAULT_ACCESS_DENIED,
                  DENIED "Policy Condition failed: [\"starts-with\", \"$Content-Type\", "
                         "\"image/\"]");
}

static void broken_policies_are_described(void **state)
{
    static const char *const cases[][2] = {
        {"", "Invalid JSON."},
        {"[]", "Invalid JSON."},
        {"{\"expiration\":1", "Invalid JSON."},
        {"{\"conditions\":[]}", "Policy missing expiration."},
        {"{\"expiration\":\"soon\",\"conditions\":[]}", "Invalid 'expiration' value."},
        {"{\"expiration\":\"2026-11-22T10:00:00Z\"}", "Policy missing conditions."},
        {POLICY("1"), "Invalid Condition: a condition is a list or an object."},
        {POLICY("{\"a\":1}"), "Invalid Simple-Condition: value must be a string."},
        {POLICY("{}"),
         "Invalid Simple-Condition: Simple-Conditions must have exactly one property specified."},
        {POLICY("[\"eq\",\"$a\"]"),
         "Invalid Condition: a list must have an operation and two arguments."},
        {POLICY("[\"like\",\"$a\",\"b\"]"), "Invalid Condition: the operation is not one of eq, "
                                            "starts-with and content-length-range."},
        {POLICY("[\"eq\",\"a\",\"b\"]"),
         "Invalid Condition: the arguments must be \"$\" and a field's name, and a string."},
        {POLICY("[\"content-length-range\",-1,1]"),
         "Invalid Content-Length-Range condition: both limits must be integers, at least 0."},
        {POLICY("[\"content-length-range\",1,{}]"),
         "Invalid Content-Length-Range condition: both limits must be integers, at least 0."},
    };
    for (size_t i = 0; i < G_N_ELEMENTS(cases); i++) {
        g_autofree char *words = g_strconcat("Invalid Policy: ", cases[i][1], NULL);
        assert_denies(cases[i][0], NULL, FAULT_INVALID_POLICY_DOCUMENT, words);
    }
}

static void size_is_bounded_by_all_ranges(void **state)
{
    PostPolicySize size;
    assert_true(check(POLICY(BUCKET), NULL, &size, NULL));
    assert_true(post_policy_check_least(&size, 0, NULL));
    assert_true(post_policy_check_most(&size, INT64_MAX, NULL));
    assert_true(check(POLICY(BUCKET ",[\"content-length-range\",1,\"10\"],"
                                    "[\"content-length-range\",0,20]"),
                      NULL, &size, NULL));
    g_autoptr(GError) small = NULL;
    g_autoptr(GError) large = NULL;
    assert_false(post_policy_check_least(&size, 0, &small));
    assert_true(fault_is(small, FAULT_ENTITY_TOO_SMALL));
    assert_true(post_policy_check_least(&size, 1, NULL) && post_policy_check_most(&size, 10, NULL));
    assert_false(post_policy_check_most(&size, 11, &large));
    assert_true(fault_is(large, FAULT_ENTITY_TOO_LARGE));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(form_is_read_at_every_split),
        cmocka_unit_test(cut_form_is_refused),
        cmocka_unit_test(broken_forms_are_refused),
        cmocka_unit_test(parameters_take_no_memory),
        cmocka_unit_test(fields_are_bounded),
        cmocka_unit_test(file_may_be_large),
        cmocka_unit_test(refusal_at_the_file_ends_the_reading),
        cmocka_unit_test(content_type_must_be_a_form),
        cmocka_unit_test(form_within_its_policy_is_allowed),
        cmocka_unit_test(form_outside_its_policy_is_denied),
        cmocka_unit_test(broken_policies_are_described),
        cmocka_unit_test(size_is_bounded_by_all_ranges),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
