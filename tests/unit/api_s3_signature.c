/* Who signed a request to S3, in Version 4. The examples with AKIAIOSFODNN7EXAMPLE are published:
 * "Authenticating Requests (AWS Signature Version 4)" (Amazon S3 API Reference). */
#include "tests/unit/api_s3_signature_fixture.h"
#include "api/signature/canonical.h"
#include "api/signature/dates.h"
#include "api/signature/sigv4.h"

#define CREDENTIAL_2013                                                                            \
    "Authorization: AWS4-HMAC-SHA256 Credential=" DOC_KEY "/20130524/us-east-1/s3/aws4_request,"

static void published_headers_are_believed(void **state)
{
    assert_2013("GET /test.txt\nHost: examplebucket.s3.amazonaws.com\nRange: bytes=0-9\n"
                "x-amz-content-sha256: " EMPTY "\nx-amz-date: 20130524T000000Z\n" CREDENTIAL_2013
                "SignedHeaders=host;range;x-amz-content-sha256;x-amz-date,Signature="
                "f0e8bdb87c964420e857bd35b5d6ed310bd44f0170aba48dd91039c6036bdb41\n");
    assert_2013("PUT /test$file.text\nHost: examplebucket.s3.amazonaws.com\n"
                "Date: Fri, 24 May 2013 00:00:00 GMT\nx-amz-date: 20130524T000000Z\n"
                "x-amz-storage-class: REDUCED_REDUNDANCY\nx-amz-content-sha256: "
                "44ce7dd67c959e0d3524ffac1771dfbba87d2b6b4b4e99e42034a8b803f8b072\n" CREDENTIAL_2013
                "SignedHeaders=date;host;x-amz-content-sha256;x-amz-date;x-amz-storage-class,"
                "Signature=98ad721746da40c64f1a55b78f14c238d841ea1380cd77a1b5971af0ece108bd\n");
    assert_2013("GET /?lifecycle\nHost: examplebucket.s3.amazonaws.com\n"
                "x-amz-date: 20130524T000000Z\nx-amz-content-sha256: " EMPTY "\n" CREDENTIAL_2013
                "SignedHeaders=host;x-amz-content-sha256;x-amz-date,Signature="
                "fea454ca298b7da1c68078a5d1bdbfbbe0d65c699e0f91ac7a200a0136783543\n");
    assert_2013("GET /?max-keys=2&prefix=J\nHost: examplebucket.s3.amazonaws.com\n"
                "x-amz-date: 20130524T000000Z\nx-amz-content-sha256: " EMPTY "\n" CREDENTIAL_2013
                "SignedHeaders=host;x-amz-content-sha256;x-amz-date,Signature="
                "34b48302e7b5fa45bde8084f4b7868a86f0a534bc59db6670ed5711ef69dc6f7\n");
}

/* What its chunks need: tests/unit/api_s3_chunked.c decodes them. */
static void published_streaming_request_is_believed(void **state)
{
    g_auto(Outcome) outcome =
        check_at("PUT /examplebucket/chunkObject.txt\nHost: s3.amazonaws.com\n"
                 "x-amz-date: 20130524T000000Z\nx-amz-storage-class: REDUCED_REDUNDANCY\n"
                 "x-amz-content-sha256: STREAMING-AWS4-HMAC-SHA256-PAYLOAD\n"
                 "Content-Encoding: aws-chunked\nx-amz-decoded-content-length: 66560\n"
                 "Content-Length: 66824\n" CREDENTIAL_2013
                 "SignedHeaders=content-encoding;content-length;host;x-amz-content-sha256;"
                 "x-amz-date;x-amz-decoded-content-length;x-amz-storage-class,Signature="
                 "4f232c4386841ef735655705268965c44a0e4690baa4adea153f7db9fa80a0a9\n",
                 DOC_2013, NULL);
    const Claim claim = {.date = "20130524", .region = "us-east-1", .service = "s3"};
    uint8_t key[SHA256_SIZE];
    sigv4_derive_key("wJalrXUtnFEMI/K7MDENG/bPxRfiCYEXAMPLEKEY", &claim, key);
    assert_no_error(outcome.error);
    assert_int_equal(outcome.signature.payload, S3_PAYLOAD_STREAMING);
    assert_string_equal(outcome.signature.seed,
                        "4f232c4386841ef735655705268965c44a0e4690baa4adea153f7db9fa80a0a9");
    assert_string_equal(outcome.signature.timestamp, "20130524T000000Z");
    assert_string_equal(outcome.signature.scope, "20130524/us-east-1/s3/aws4_request");
    assert_memory_equal(outcome.signature.key, key, sizeof(key));
}

static const char presigned[] =
    "GET /test.txt?X-Amz-Algorithm=AWS4-HMAC-SHA256&X-Amz-Credential=" DOC_KEY
    "%2F20130524%2Fus-east-1%2Fs3%2Faws4_request&X-Amz-Date=20130524T000000Z&X-Amz-Expires=86400"
    "&X-Amz-SignedHeaders=host&X-Amz-Signature="
    "aeeed9bbccd4d02ee5c0109b86d86835f995330da4c265957d157751f604d404\n"
    "Host: examplebucket.s3.amazonaws.com\n";

static void published_url_is_believed(void **state)
{
    assert_2013(presigned);
    g_auto(Outcome) outcome = check_at(presigned, DOC_2013, NULL);
    assert_int_equal(outcome.signature.form, SIGNATURE_V4_QUERY);
    assert_string_equal(outcome.signature.auth_type, "REST-QUERY-STRING");
    assert_int_equal(outcome.signature.payload, S3_PAYLOAD_UNSIGNED);
    assert_int_equal(outcome.signature.time, DOC_2013);
}

static void url_lives_as_long_as_it_says(void **state)
{
    g_auto(Outcome) last = check_at(presigned, DOC_2013 + MINUTES(24 * 60), NULL);
    assert_true(last.ok);
    g_auto(Outcome) over = check_at(presigned, DOC_2013 + MINUTES(24 * 60) + CLOCK_SECOND, NULL);
    assert_true(fault_is(over.error, FAULT_ACCESS_DENIED));
    assert_string_equal(over.error->message, "Request has expired");
    assert_string_equal(value_of(&over, "X-Amz-Expires"), "86400");
    assert_string_equal(value_of(&over, "Expires"), "2013-05-25T00:00:00Z");
    assert_string_equal(value_of(&over, "ServerTime"), "2013-05-25T00:00:01Z");
    assert_refused(presigned, DOC_2013 - MINUTES(16), FAULT_ACCESS_DENIED,
                   "Request is not yet valid");
}

static void hash_that_is_not_signed_does_not_spoil_a_url(void **state)
{
    g_autofree char *text = g_strconcat(presigned, "x-amz-content-sha256: " EMPTY "\n", NULL);
    g_auto(Outcome) outcome = check_at(text, DOC_2013, NULL);
    assert_true(outcome.ok);
    assert_int_equal(outcome.signature.payload, S3_PAYLOAD_HASH);
}

#define HELLO_HASH "2cf24dba5fb0a30e26e83b2ac5b9e29e1b161e5c1fa7425e73043362938b9824"
#define URL_SAYING(payload, signature)                                                             \
    "PUT /bkt/key?X-Amz-Content-Sha256=" payload "&X-Amz-Algorithm=AWS4-HMAC-SHA256"               \
    "&X-Amz-Credential=AKIDEXAMPLE%2F20261122%2Fus-east-1%2Fs3%2Faws4_request"                     \
    "&X-Amz-Date=20261122T093005Z&X-Amz-Expires=900&X-Amz-SignedHeaders=host"                      \
    "&X-Amz-Signature=" signature "\nHost: 127.0.0.1:4566\n"

/* What the signer of a URL said of the body, and what else its user says with it. */
static void body_that_a_url_names_is_the_only_one(void **state)
{
    static const char bound[] =
        URL_SAYING(HELLO_HASH, "a145cafa2d499ec1635036633b73808dcc38e59972b354ec67eeb9647899bd7e");
    static const char chunked[] =
        URL_SAYING("STREAMING-AWS4-HMAC-SHA256-PAYLOAD",
                   "76bbc48bd44509a6036cf75938963e1b0b1e25f5f1ae1c9a5b8d175445e71074");
    static const char open[] = URL_SAYING(
        "UNSIGNED-PAYLOAD", "bbb34fb7d898f8bb2bf7ebfeca4d3fe82eba90a7da29f2bf6a1a4bc71c8a3cc9");
    static const struct {
        const char *url, *header;
        S3Payload payload;
        const char *hash;
    } cases[] = {
        {bound, "", S3_PAYLOAD_HASH, HELLO_HASH},
        {bound, "UNSIGNED-PAYLOAD", S3_PAYLOAD_HASH, HELLO_HASH},
        {bound, "STREAMING-UNSIGNED-PAYLOAD-TRAILER", S3_PAYLOAD_HASH, HELLO_HASH},
        {bound, EMPTY, S3_PAYLOAD_HASH, HELLO_HASH},
        {bound, HELLO_HASH, S3_PAYLOAD_HASH, HELLO_HASH},
        {chunked, "UNSIGNED-PAYLOAD", S3_PAYLOAD_STREAMING},
        {open, "", S3_PAYLOAD_UNSIGNED},
        {open, "UNSIGNED-PAYLOAD", S3_PAYLOAD_UNSIGNED},
        {open, HELLO_HASH, S3_PAYLOAD_HASH, HELLO_HASH},
    };
    for (size_t i = 0; i < G_N_ELEMENTS(cases); i++) {
        g_autofree char *text =
            *cases[i].header
                ? g_strconcat(cases[i].url, "x-amz-content-sha256: ", cases[i].header, "\n", NULL)
                : g_strdup(cases[i].url);
        g_auto(Outcome) outcome = check_at(text, FAKE_NOW, NULL);
        assert_no_error(outcome.error);
        assert_int_equal(outcome.signature.payload, cases[i].payload);
        if (cases[i].hash)
            assert_string_equal(outcome.signature.payload_hash, cases[i].hash);
    }
    g_autofree char *other = with(bound, HELLO_HASH, EMPTY);
    assert_refused(other, FAKE_NOW, FAULT_SIGNATURE_DOES_NOT_MATCH, WRONG);
}

static void header_added_to_a_url_is_refused(void **state)
{
    g_autofree char *text = g_strconcat(presigned, "X-Amz-Acl: public-read\n", NULL);
    assert_refused(text, DOC_2013, FAULT_ACCESS_DENIED, UNSIGNED_HEADERS);
}

static const char put[] =
    "PUT /bkt/a%20b/%C3%A4%2B%281%29~/../c//d\nHost: 127.0.0.1:4566\nx-amz-acl: private\n"
    "Content-Type: application/x-www-form-urlencoded\nX-Amz-Date: 20261122T093005Z\n"
    "X-Amz-Content-SHA256: 2c1f5e4a0cde44d535711ba032af489a86648f4c0b0441db7bab08c1706b39f1\n"
    "Authorization: AWS4-HMAC-SHA256 Credential=AKIDEXAMPLE/20261122/us-east-1/s3/aws4_request, "
    "SignedHeaders=content-type;host;x-amz-acl;x-amz-content-sha256;x-amz-date, "
    "Signature=66c2a98437a3ff185a59541b4ab9bf2f604aa7f3b773494245210e5fa450307f\n"
    "Content-Length: 9\n\nhello=1&x";

static void form_is_an_object_and_path_is_kept_as_sent(void **state)
{
    g_auto(Outcome) outcome = check_at(put, FAKE_NOW, NULL);
    assert_no_error(outcome.error);
    assert_int_equal(outcome.signature.payload, S3_PAYLOAD_HASH);
    assert_string_equal(outcome.signature.payload_hash,
                        "2c1f5e4a0cde44d535711ba032af489a86648f4c0b0441db7bab08c1706b39f1");
    assert_string_equal(outcome.signature.version, "AWS4-HMAC-SHA256");
}

static void escaped_slash_may_stand_for_a_plain_one(void **state)
{
    g_autofree char *escaped = with(put, "/bkt/a%20b/", "/bkt/a%20b%2f");
    assert_now(escaped);
    /* Signed as it is sent, though not in the canonical form. */
    g_autofree char *raw = with(put, "%281%29", "(1)");
    g_autofree char *verbatim =
        with(raw, "66c2a98437a3ff185a59541b4ab9bf2f604aa7f3b773494245210e5fa450307f",
             "2aae2e10a0a171a44241fc98def415a3b3f984c8de35b56b2f1ec6c8ce5aff1c");
    assert_now(verbatim);
    g_autofree char *other = with(put, "%C3%A4%2B%281%29", "%c3%a4%2b(1)");
    assert_now(other);
}

static void scope_may_be_any_that_the_key_fits(void **state)
{
    g_autoptr(Arena) arena = arena_new();
    const char *text =
        fake_sign_v4(arena, "GET", "127.0.0.1:4566", "/bkt/key", "127", "", FAKE_NOW);
    assert_now(text);
    g_autofree char *portless = with(text, "Host: 127.0.0.1:4566", "Host: 127.0.0.1");
    assert_refused(portless, FAKE_NOW, FAULT_SIGNATURE_DOES_NOT_MATCH, WRONG);
    text = fake_sign_v4(arena, "GET", "localhost", "/bkt/key", "s3", "", FAKE_NOW);
    g_autofree char *port = with(text, "localhost", "localhost:4566");
    assert_now(port);
}

static void any_change_is_refused(void **state)
{
    static const char *const changes[][2] = {
        {"PUT /", "GET /"},       {"/c//d", "/c/d"},     {"/../", "/"},
        {"127.0.0.1", "::1"},     {"private", "public"}, {"us-east-1", "us-east-2"},
        {"//d\n", "//d?acl\n"},   {"66c2a9", "66c2a0"},  {"66c2a9", "66C2A9"},
        {"2c1f5e4a", "2c1f5e4b"},
    };
    for (size_t i = 0; i < G_N_ELEMENTS(changes); i++) {
        g_autofree char *text = with(put, changes[i][0], changes[i][1]);
        assert_refused(text, FAKE_NOW, FAULT_SIGNATURE_DOES_NOT_MATCH, WRONG);
    }
}

static void refusal_shows_what_was_expected(void **state)
{
    g_autofree char *text = with(put, "PUT", "GET");
    g_auto(Outcome) outcome = check_at(text, FAKE_NOW, NULL);
    assert_string_equal(value_of(&outcome, "AWSAccessKeyId"), "AKIDEXAMPLE");
    assert_non_null(strstr(value_of(&outcome, "StringToSign"),
                           "AWS4-HMAC-SHA256\n20261122T093005Z\n20261122/us-east-1/s3/"));
    assert_non_null(strstr(value_of(&outcome, "SignatureProvided"), "66c2a984"));
    assert_true(g_str_has_prefix(value_of(&outcome, "StringToSignBytes"), "41 57 53 34 2d"));
    assert_true(g_str_has_prefix(value_of(&outcome, "CanonicalRequest"),
                                 "GET\n/bkt/a%20b/%C3%A4%2B%281%29~/../c//d\n\ncontent-type:"));
    assert_true(g_str_has_prefix(value_of(&outcome, "CanonicalRequestBytes"), "47 45 54 0a"));
}

static void clock_may_be_fifteen_minutes_off(void **state)
{
    g_auto(Outcome) late = check_at(put, FAKE_NOW + MINUTES(15), NULL);
    g_auto(Outcome) early = check_at(put, FAKE_NOW - MINUTES(15), NULL);
    assert_true(late.ok && early.ok);
    g_auto(Outcome) outcome = check_at(put, FAKE_NOW + MINUTES(16), NULL);
    assert_true(fault_is(outcome.error, FAULT_REQUEST_TIME_TOO_SKEWED));
    assert_string_equal(outcome.error->message, "The difference between the request time and the "
                                                "current time is too large.");
    assert_string_equal(value_of(&outcome, "RequestTime"), "20261122T093005Z");
    assert_string_equal(value_of(&outcome, "ServerTime"), "2026-11-22T09:46:05Z");
    assert_string_equal(value_of(&outcome, "MaxAllowedSkewMilliseconds"), "900000");
}

#define STRANGE_HASH                                                                               \
    "x-amz-content-sha256 must be UNSIGNED-PAYLOAD, STREAMING-UNSIGNED-PAYLOAD-TRAILER, "          \
    "STREAMING-AWS4-HMAC-SHA256-PAYLOAD, STREAMING-AWS4-HMAC-SHA256-PAYLOAD-TRAILER or a valid "   \
    "sha256 value."
#define EXPECTED "expecting \"<YOUR-AKID>/YYYYMMDD/REGION/SERVICE/aws4_request\"."
#define MALFORMED "The authorization header is malformed; "

static void broken_header_is_described(void **state)
{
    static const struct {
        const char *from, *to;
        Fault fault;
        const char *words;
    } cases[] = {
        {"Signature=6", "Sign=6", FAULT_AUTHORIZATION_HEADER_MALFORMED,
         MALFORMED "the authorization header requires three components: Credential, SignedHeaders, "
                   "and Signature."},
        {"/20261122/us-east-1", "", FAULT_AUTHORIZATION_HEADER_MALFORMED,
         MALFORMED "the Credential is mal-formed; " EXPECTED},
        {"aws4_request", "aws5_request", FAULT_AUTHORIZATION_HEADER_MALFORMED,
         MALFORMED "incorrect terminator \"aws5_request\". This endpoint belongs to "
                   "\"aws4_request\"."},
        {"/20261122/", "/20261123/", FAULT_AUTHORIZATION_HEADER_MALFORMED,
         MALFORMED "Invalid credential date \"20261123\". This date is not the same as X-Amz-Date: "
                   "\"20261122\"."},
        {"=AKIDEXAMPLE", "=", FAULT_AUTHORIZATION_HEADER_MALFORMED,
         MALFORMED "a non-empty Access Key (AKID) must be provided in the credential."},
        {"AKIDEXAMPLE", "AKIDOTHER", FAULT_INVALID_ACCESS_KEY_ID,
         "The AWS Access Key Id you provided does not exist in our records."},
        {"X-Amz-Date: 2026", "X-Amz-Date: late", FAULT_ACCESS_DENIED,
         "AWS authentication requires a valid Date or x-amz-date header"},
        {"X-Amz-Date", "Nothing", FAULT_ACCESS_DENIED,
         "AWS authentication requires a valid Date or x-amz-date header"},
        {";host;", ";", FAULT_ACCESS_DENIED, UNSIGNED_HEADERS},
        {";x-amz-acl;", ";", FAULT_ACCESS_DENIED, UNSIGNED_HEADERS},
        {"AWS4-HMAC-SHA256", "Basic", FAULT_INVALID_ARGUMENT, "Unsupported Authorization Type"},
        {"SHA256: 2c", "SHA256: 2", FAULT_INVALID_ARGUMENT, STRANGE_HASH},
        {"X-Amz-Content-SHA256", "Nothing", FAULT_INVALID_REQUEST,
         "Missing required header for this request: x-amz-content-sha256"},
        {"x-amz-acl", "x-amz-security-token", FAULT_S3_INVALID_TOKEN,
         "The provided token is malformed or otherwise invalid."},
        {"//d\n", "//d?Signature=x\n", FAULT_INVALID_ARGUMENT,
         "Only one auth mechanism allowed; only the X-Amz-Algorithm query parameter, Signature "
         "query string parameter or the Authorization header should be specified"},
    };
    for (size_t i = 0; i < G_N_ELEMENTS(cases); i++) {
        g_autofree char *text = with(put, cases[i].from, cases[i].to);
        assert_refused(text, FAKE_NOW, cases[i].fault, cases[i].words);
    }
    assert_refused("GET /bkt\nHost: x\nAuthorization: AWS4-HMAC-SHA256\n", FAKE_NOW,
                   FAULT_AUTHORIZATION_HEADER_MALFORMED, cases[0].words);
}

static void broken_url_is_described(void **state)
{
    static const struct {
        const char *from, *to, *words;
    } cases[] = {
        {"X-Amz-Algorithm=AWS4", "X-Amz-Algorithm=AWS5",
         "X-Amz-Algorithm only supports \"AWS4-HMAC-SHA256\""},
        {"X-Amz-Algorithm", "Nothing",
         "Query-string authentication version 4 requires the X-Amz-Algorithm, X-Amz-Credential, "
         "X-Amz-Signature, X-Amz-Date, X-Amz-SignedHeaders, and X-Amz-Expires parameters."},
        {"X-Amz-Expires", "Nothing",
         "Query-string authentication version 4 requires the X-Amz-Algorithm, X-Amz-Credential, "
         "X-Amz-Signature, X-Amz-Date, X-Amz-SignedHeaders, and X-Amz-Expires parameters."},
        {"%2Fs3%2F", "",
         "Error parsing the X-Amz-Credential parameter; the Credential is mal-formed; " EXPECTED},
        {"Expires=86400", "Expires=1d", "X-Amz-Expires should be a number"},
        {"Expires=86400", "Expires=-1", "X-Amz-Expires must be non-negative"},
        {"Expires=86400", "Expires=604801",
         "X-Amz-Expires must be less than a week (in seconds); that is, the given X-Amz-Expires "
         "must be less than 604800 seconds"},
        {"Date=2013", "Date=x013",
         "X-Amz-Date must be in the ISO8601 Long Format \"yyyyMMdd'T'HHmmss'Z'\""},
    };
    for (size_t i = 0; i < G_N_ELEMENTS(cases); i++) {
        g_autofree char *text = with(presigned, cases[i].from, cases[i].to);
        assert_refused(text, DOC_2013, FAULT_AUTHORIZATION_QUERY_PARAMETERS, cases[i].words);
    }
}

static void nobody_signed(void **state)
{
    g_auto(Outcome) plain = check_at("GET /bkt/key\nHost: x\n", FAKE_NOW, NULL);
    assert_true(plain.ok && plain.signature.anonymous);
    assert_int_equal(plain.signature.payload, S3_PAYLOAD_UNSIGNED);
    g_auto(Outcome) framed = check_at("PUT /bkt/key\nHost: x\nContent-Encoding: gzip,aws-chunked\n"
                                      "x-amz-trailer: x-amz-checksum-crc32\n",
                                      FAKE_NOW, NULL);
    assert_true(framed.ok && framed.signature.anonymous);
    assert_int_equal(framed.signature.payload, S3_PAYLOAD_UNSIGNED_TRAILER);
    assert_refused("PUT /b/k\nHost: x\nx-amz-content-sha256: STREAMING-AWS4-HMAC-SHA256-PAYLOAD\n",
                   FAKE_NOW, FAULT_INVALID_REQUEST,
                   "The value of x-amz-content-sha256 header is invalid.");
}

static void missing_hash_is_fine_without_body(void **state)
{
    g_autoptr(Arena) arena = arena_new();
    const char *text = fake_sign_v4(arena, "GET", "h", "/bkt/key", "s3", "", FAKE_NOW);
    g_auto(Outcome) outcome = check_at(text, FAKE_NOW, NULL);
    assert_true(outcome.ok);
    assert_string_equal(outcome.signature.payload_hash, EMPTY);
    g_autofree char *bodied = with(text, "Host: h\n", "Host: h\nContent-Length: 10\n");
    assert_refused(bodied, FAKE_NOW, FAULT_INVALID_REQUEST,
                   "Missing required header for this request: x-amz-content-sha256");
}

/* ---- parts ---- */

static void assert_path(const char *path, bool escaped, const char *expected)
{
    g_auto(Buffer) out = {0};
    assert_true(canonical_s3_path(&out, path, escaped) == (expected != NULL));
    if (expected)
        assert_string_equal(buffer_text(&out), expected);
}

static void paths_are_not_normalised(void **state)
{
    assert_path("", false, "/");
    assert_path("/a//b/./../", false, "/a//b/./../");
    assert_path("/a+b(c)%7e", false, "/a%2Bb%28c%29~");
    assert_path("/a%2fb", false, "/a/b");
    assert_path("/a%2fb//c", true, "/a%2Fb//c");
    assert_path("/a%2", false, NULL);
    assert_path("/a%00", false, NULL);
}

static void http_dates_are_read(void **state)
{
    static const char *const same[] = {
        "Tue, 27 Mar 2007 19:36:42 GMT",   "Tue, 27 Mar 2007 19:36:42 +0000",
        "Tue, 27 Mar 2007 20:06:42 +0030", "Tuesday, 27-Mar-07 19:36:42 GMT",
        "Tue Mar 27 19:36:42 2007",        "Tue, 27 mar 2007 19:36:42",
    };
    static const char *const wrong[] = {
        "",
        "yesterday",
        "Tue, 27 Foo 2007 19:36:42 GMT",
        "Tue, 27 Mar 2007 24:36:42 GMT",
        "Tue, 0 Mar 2007 19:36:42 GMT",
        "Tue, 27 Mar 2007 19:36:42 CET",
        "Tue, 27 Mar 2007 19:36:42 +00000",
        "Tue Mar 27 19:36:42 2007 GMT",
    };
    int64_t time;
    for (size_t i = 0; i < G_N_ELEMENTS(same); i++) {
        assert_true(http_date_parse(same[i], &time));
        assert_int_equal(time, DOC_2007);
    }
    for (size_t i = 0; i < G_N_ELEMENTS(wrong); i++)
        assert_false(http_date_parse(wrong[i], &time));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(published_headers_are_believed),
        cmocka_unit_test(published_streaming_request_is_believed),
        cmocka_unit_test(published_url_is_believed),
        cmocka_unit_test(url_lives_as_long_as_it_says),
        cmocka_unit_test(hash_that_is_not_signed_does_not_spoil_a_url),
        cmocka_unit_test(body_that_a_url_names_is_the_only_one),
        cmocka_unit_test(header_added_to_a_url_is_refused),
        cmocka_unit_test(form_is_an_object_and_path_is_kept_as_sent),
        cmocka_unit_test(escaped_slash_may_stand_for_a_plain_one),
        cmocka_unit_test(scope_may_be_any_that_the_key_fits),
        cmocka_unit_test(any_change_is_refused),
        cmocka_unit_test(refusal_shows_what_was_expected),
        cmocka_unit_test(clock_may_be_fifteen_minutes_off),
        cmocka_unit_test(broken_header_is_described),
        cmocka_unit_test(broken_url_is_described),
        cmocka_unit_test(nobody_signed),
        cmocka_unit_test(missing_hash_is_fine_without_body),
        cmocka_unit_test(paths_are_not_normalised),
        cmocka_unit_test(http_dates_are_read),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
