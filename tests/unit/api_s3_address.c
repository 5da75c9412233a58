/* api/s3/address.h: buckets and keys in every form; what is for S3 at all. And api/s3/range.h. */
#include "api/s3/address.h"
#include "api/s3/range.h"
#include "base/fault.h"
#include "tests/unit/unit.h"

typedef struct Case {
    const char *host, *path;
    const char *bucket, *key; /* NULL: none */
    bool virtual_host, website;
} Case;

static const Case cases[] = {
    {"127.0.0.1:4566", "/", NULL, NULL},
    {"127.0.0.1:4566", "/b", "b", NULL},
    {"127.0.0.1:4566", "/b/", "b", NULL},
    {"127.0.0.1:4566", "/b/k", "b", "k"},
    {"127.0.0.1", "/b//k", "b", "/k"},
    {"127.0.0.1", "/b/../../etc/passwd", "b", "../../etc/passwd"},
    {"127.0.0.1", "/b/a%2Fb%20c+d", "b", "a/b c+d"},
    {"[::1]:4566", "/b/k", "b", "k"},
    {"localhost:4566", "/b/k", "b", "k"},
    {"b.localhost:4566", "/k/l", "b", "k/l", true},
    {"b.localhost", "/", "b", NULL, true},
    {"my.dotted.localhost", "/k", "my.dotted", "k", true},
    {"s3.localhost", "/b/k", "b", "k"},
    {"s3.amazonaws.com", "/b/k", "b", "k"},
    {"S3.us-east-1.amazonaws.com", "/b/k", "b", "k"},
    {"s3-eu-west-1.amazonaws.com", "/b/k", "b", "k"},
    {"b.s3.amazonaws.com", "/k", "b", "k", true},
    {"b.s3.eu-west-1.amazonaws.com:80", "/k", "b", "k", true},
    {"a.b.s3-eu-west-1.amazonaws.com", "/", "a.b", NULL, true},
    {"BIG.S3.AMAZONAWS.COM", "/K", "big", "K", true},
    {"b.s3.some.lan", "/k", "b", "k", true},
    {"b.s3-website-us-east-1.amazonaws.com", "/", "b", NULL, true, true},
    {"b.s3-website.localhost", "/i", "b", "i", true, true},
    {"b.website.localhost:4566", "/i", "b", "i", true, true},
    {"ec2.localhost", "/b", "b", NULL},
    {"s3.us-east-1.localhost:4566", "/b/k", "b", "k"},
    {"b.s3.us-east-1.localhost", "/k", "b", "k", true},
    {"s3-website.localhost", "/b", "b", NULL, false, true},
    {"s3-data.localhost:4566", "/k", "s3-data", "k", true},
    {"s3-website-logs.localhost", "/k", "s3-website-logs", "k", true},
    {"my.s3-data.localhost", "/k", "my.s3-data", "k", true},
    {"my.s3.data.localhost", "/k", "my.s3.data", "k", true},
    {"s3.data.localhost", "/k", "s3.data", "k", true},
    {"s3-data.s3.localhost", "/k", "s3-data", "k", true},
    {"s3.s3.localhost", "/k", "s3", "k", true},
    {"s3-data.website.localhost", "/i", "s3-data", "i", true, true},
    {"s3-data.s3-website.localhost", "/i", "s3-data", "i", true, true},
    {"s3-data.s3.amazonaws.com", "/k", "s3-data", "k", true},
    {"my.s3.data.s3.eu-west-1.amazonaws.com", "/k", "my.s3.data", "k", true},
    {"s3-data.s3-website-us-east-1.amazonaws.com", "/i", "s3-data", "i", true, true},
    {"s3-data.s3.some.lan", "/k", "s3-data", "k", true},
    {NULL, "/b/k", "b", "k"},
};

static void addresses_are_told_apart(void **state)
{
    g_autoptr(Arena) arena = arena_new();
    for (size_t i = 0; i < G_N_ELEMENTS(cases); i++) {
        const Case *c = &cases[i];
        const Header host = {"Host", c->host};
        const HttpRequest request = {.method = "GET",
                                     .path = c->path,
                                     .query = "",
                                     .headers = &host,
                                     .n_headers = !!c->host};
        S3Address address;
        g_autoptr(GError) error = NULL;
        s3_address_read(arena, &request, &address, &error);
        assert_no_error(error);
        if (g_strcmp0(address.bucket, c->bucket) != 0 || g_strcmp0(address.key, c->key) != 0 ||
            address.virtual_host != c->virtual_host || address.website != c->website)
            fail_msg("%s%s: bucket %s, key %s, %d, %d", c->host, c->path, address.bucket,
                     address.key, address.virtual_host, address.website);
    }
}

static void odd_encodings_are_refused(void **state)
{
    static const char *const paths[] = {"/b/%",      "/b/%4",    "/b/%zz",  "/b/a%00b",
                                        "/b/%ff%fe", "/b/%c3",   "/%",      "/b/%ed%a0%80",
                                        "/b/%c0%af", "/%00/key", "/b/\xff", "//k"};
    g_autoptr(Arena) arena = arena_new();
    for (size_t i = 0; i < G_N_ELEMENTS(paths); i++) {
        const HttpRequest request = {.method = "GET", .path = paths[i], .query = ""};
        S3Address address;
        g_autoptr(GError) error = NULL;
        assert_false(s3_address_read(arena, &request, &address, &error));
        assert_true(fault_is(error, FAULT_INVALID_URI));
    }
}

typedef struct Meaning {
    const char *method, *path, *query;
    const char *header, *value; /* NULL: none */
    bool s3;
} Meaning;

#define V4(service)                                                                                \
    "authorization", "AWS4-HMAC-SHA256 Credential=AKID/20260101/us-east-1/" service                \
                     "/aws4_request, SignedHeaders=host, Signature=0"

static const Meaning meanings[] = {
    {"GET", "/", "", V4("s3"), true},
    {"POST", "/", "", V4("ec2"), false},
    {"GET", "/b/k", "", V4("sts"), false},
    {"GET", "/b/k", "", V4("127"), true},
    {"GET", "/", "", V4("127"), true},
    {"GET", "/", "Action=DescribeRegions", V4("127"), false},
    {"POST", "/", "", V4("127"), false},
    {"GET", "/", "", "authorization", "AWS AKID:c2ln", true},
    {"PUT", "/b/k", "", "content-type", "application/x-www-form-urlencoded", true},
    {"POST", "/", "", "content-type", "application/x-www-form-urlencoded", false},
    {"POST", "/2012-06-01/", "", "content-type", "application/x-www-form-urlencoded", false},
    {"POST", "/b", "", "content-type", "multipart/form-data; boundary=x", true},
    {"GET", "/b/k", "X-Amz-Credential=A%2F20260101%2Feu-west-1%2Fs3%2Faws4_request", NULL, NULL,
     true},
    {"GET", "/", "X-Amz-Credential=A%2F20260101%2Feu-west-1%2Fec2%2Faws4_request", NULL, NULL,
     false},
    {"GET", "/b/k", "", NULL, NULL, true},
    {"GET", "/", "", NULL, NULL, false},
    {"GET", "/", "", "host", "s3.amazonaws.com", true},
    {"GET", "/", "", "host", "bucket.localhost:4566", true},
    {"POST", "/", "", "host", "ec2.us-east-1.amazonaws.com", false},
    {"POST", "/", "", "x-amz-target", "GraniteServiceVersion20100801.PutMetricData", false},
};

static void requests_for_s3_are_known(void **state)
{
    for (size_t i = 0; i < G_N_ELEMENTS(meanings); i++) {
        const Meaning *m = &meanings[i];
        const Header header = {m->header, m->value};
        const HttpRequest request = {.method = m->method,
                                     .path = m->path,
                                     .query = m->query,
                                     .headers = &header,
                                     .n_headers = !!m->header};
        if (s3_is_meant(&request) != m->s3)
            fail_msg("%s %s?%s %s: %s", m->method, m->path, m->query, m->header, m->value);
    }
}

typedef struct RangeCase {
    const char *text;
    uint64_t total;
    RangeResult result;
    uint64_t first, size;
} RangeCase;

static void ranges_are_read(void **state)
{
    static const RangeCase ranges[] = {
        {NULL, 10, RANGE_WHOLE},
        {"bytes=0-0", 10, RANGE_PART, 0, 1},
        {"bytes=0-9", 10, RANGE_PART, 0, 10},
        {"bytes=5-", 10, RANGE_PART, 5, 5},
        {"bytes=5-100", 10, RANGE_PART, 5, 5},
        {"bytes=-3", 10, RANGE_PART, 7, 3},
        {"bytes=-30", 10, RANGE_PART, 0, 10},
        {"Bytes=1-2", 10, RANGE_PART, 1, 2},
        {"bytes=1-18446744073709551614", 10, RANGE_PART, 1, 9},
        {"bytes=10-", 10, RANGE_UNSATISFIABLE},
        {"bytes=-0", 10, RANGE_UNSATISFIABLE},
        {"bytes=0-0", 0, RANGE_UNSATISFIABLE},
        {"bytes=-1", 0, RANGE_UNSATISFIABLE},
        {"bytes=3-2", 10, RANGE_WHOLE},
        {"bytes=0-1,3-4", 10, RANGE_WHOLE},
        {"bytes=a-b", 10, RANGE_WHOLE},
        {"bytes=", 10, RANGE_WHOLE},
        {"bytes=99999999999999999999-", 10, RANGE_UNSATISFIABLE},
        {"items=0-1", 10, RANGE_WHOLE},
    };
    for (size_t i = 0; i < G_N_ELEMENTS(ranges); i++) {
        const RangeCase *c = &ranges[i];
        uint64_t first = 0, size = 0;
        RangeResult result = range_read(c->text, c->total, &first, &size);
        if (result != c->result || (result == RANGE_PART && (first != c->first || size != c->size)))
            fail_msg("%s of %d: %d, %d+%d", c->text, (int)c->total, result, (int)first, (int)size);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(addresses_are_told_apart),
        cmocka_unit_test(odd_encodings_are_refused),
        cmocka_unit_test(requests_for_s3_are_known),
        cmocka_unit_test(ranges_are_read),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
