/* See api_fixture.h. */
#include "tests/unit/api_fixture.h"

#include "api/signature/sigv4.h"

static const char *const fake_colors[] = {"red", "green", NULL};

#include "api/shape_tables.h"
#include "tests/unit/api_fake.def"
#include "api/shape_end.h"

/* ---- services ---- */

static GMutex gate_lock;
static GCond gate_moved;
static bool gate_closed;
static unsigned gate_waiting;
static char last_digest[65];

void fake_gate_close(void)
{
    g_mutex_lock(&gate_lock);
    gate_closed = true;
    g_mutex_unlock(&gate_lock);
}

void fake_gate_open(void)
{
    g_mutex_lock(&gate_lock);
    gate_closed = false;
    g_cond_broadcast(&gate_moved);
    g_mutex_unlock(&gate_lock);
}

unsigned fake_waiting(void)
{
    g_mutex_lock(&gate_lock);
    unsigned n = gate_waiting;
    g_mutex_unlock(&gate_lock);
    return n;
}

const char *fake_last_digest(void)
{
    return last_digest;
}

static bool echo(Call *call, const void *request, void *reply, GError **error)
{
    ((FakeReply *)reply)->name = ((const FakeNamed *)request)->name;
    if (call->digest)
        g_strlcpy(last_digest, call->digest, sizeof(last_digest));
    return true;
}

static bool wait_at_gate(Call *call, const void *request, void *reply, GError **error)
{
    g_mutex_lock(&gate_lock);
    gate_waiting++;
    while (gate_closed)
        g_cond_wait(&gate_moved, &gate_lock);
    gate_waiting--;
    g_mutex_unlock(&gate_lock);
    return echo(call, request, reply, error);
}

static bool refuse_image(Call *call, const void *request, void *reply, GError **error)
{
    return fault_set(error, FAULT_INVALID_AMI_ID_NOT_FOUND, "The image id '[%s]' does not exist",
                     ((const FakeNamed *)request)->name);
}

static bool break_down(Call *call, const void *request, void *reply, GError **error)
{
    return trouble_set(error, "the disk /secret/path is full");
}

static const Action fake_actions[] = {
    {"Ancient", echo, FakeNamed_shape, FakeReply_shape, READ, NULL, "2010-12-31"},
    {"Break", break_down, FakeNamed_shape, FakeReply_shape, WRITE, NULL, NULL},
    {"Create", echo, FakeNamed_shape, FakeReply_shape, WRITE, NULL, NULL},
    {"Describe", echo, FakeNamed_shape, FakeReply_shape, READ, NULL, NULL},
    {"Fail", refuse_image, FakeNamed_shape, FakeReply_shape, READ, NULL, NULL},
    {"Recent", echo, FakeNamed_shape, FakeReply_shape, READ, "2014-01-01", NULL},
    {"Wait", wait_at_gate, FakeNamed_shape, FakeReply_shape, WRITE, NULL, NULL},
};
static const char *const fake_versions[] = {"2009-11-30", "2014-01-01", "2016-11-15", NULL};
const Service service_fake = {
    .name = "fake",
    .protocol = PROTOCOL_EC2,
    .xmlns = "http://fake.amazonaws.com/doc/%s/",
    .versions = fake_versions,
    .actions = fake_actions,
    .n_actions = G_N_ELEMENTS(fake_actions),
    .old_versions_lenient = true,
};

static bool say_nothing(Call *call, const void *request, void *reply, GError **error)
{
    return true;
}

static const Action mirror_actions[] = {
    {"Echo", echo, FakeNamed_shape, FakeReply_shape, READ, NULL, NULL},
    {"Silent", say_nothing, FakeNothing_shape, FakeNothing_shape, READ, NULL, NULL},
};
static const char *const mirror_versions[] = {"2011-06-15", NULL};
const Service service_mirror = {
    .name = "mirror",
    .protocol = PROTOCOL_QUERY,
    .xmlns = "https://mirror.amazonaws.com/doc/2011-06-15/",
    .versions = mirror_versions,
    .actions = mirror_actions,
    .n_actions = G_N_ELEMENTS(mirror_actions),
};

/* ---- requests ---- */

static bool find_fake_key(void *data, Arena *arena, const char *access_key_id,
                          const Credential **ret_credential, GError **error)
{
    static const Credential credential = {
        .secret = FAKE_SECRET,
        .caller = {.account_id = "123456789012",
                   .arn = "arn:aws:iam::123456789012:root",
                   .user_id = "123456789012",
                   .access_key_id = FAKE_KEY},
    };
    *ret_credential = strcmp(access_key_id, FAKE_KEY) == 0 ? &credential : NULL;
    return true;
}

const KeySource fake_keys = {find_fake_key, NULL};

HttpRequest *fake_request(Arena *arena, const char *text)
{
    HttpRequest *request = arena_new_struct(arena, HttpRequest);
    char *rest = arena_strdup(arena, text);
    char *line = strsep(&rest, "\n");
    request->method = strsep(&line, " ");
    request->path = strsep(&line, "?");
    request->query = line ? line : "";
    request->source_ip = "127.0.0.1";
    Header *headers = arena_alloc(arena, 100 * sizeof(Header));
    while (rest && (line = strsep(&rest, "\n")) && *line) {
        headers[request->n_headers].name = strsep(&line, ":");
        headers[request->n_headers++].value = line + 1;
    }
    request->headers = headers;
    if (rest && *rest) {
        request->body = rest;
        request->body_size = strlen(rest);
    }
    return request;
}

void fake_signed(Arena *arena, const char *text, SignedRequest *ret_request, Claim *ret_claim)
{
    g_autoptr(GError) error = NULL;
    SignedRequest request = {.http = fake_request(arena, text)};
    assert_true(params_decode(&request.params, arena, request.http->query,
                              strlen(request.http->query), &error));
    request.n_query = request.params.n;
    if (request.http->body)
        assert_true(params_decode(&request.params, arena, request.http->body,
                                  request.http->body_size, &error));
    claim_read(arena, &request, ret_claim);
    *ret_request = request;
}

char *fake_sign_v4(Arena *arena, const char *method, const char *host, const char *path,
                   const char *service, const char *body, int64_t now)
{
    char time[CLOCK_TEXT_SIZE];
    clock_format(now, time);
    const char *timestamp = arena_printf(arena, "%.4s%.2s%.5s%.2s%.2sZ", time, time + 5, time + 8,
                                         time + 14, time + 17);
    const char *head = arena_printf(
        arena,
        "%s %s\nHost: %s\nContent-Type: application/x-www-form-urlencoded; charset=utf-8\n"
        "X-Amz-Date: %s\n",
        method, path, host, timestamp);
    const char *authorization = arena_printf(
        arena,
        "Authorization: AWS4-HMAC-SHA256 Credential=" FAKE_KEY
        "/%.8s/us-east-1/%s/aws4_request, SignedHeaders=content-type;host;x-amz-date, Signature=",
        timestamp, service);
    SignedRequest request;
    Claim claim;
    fake_signed(arena, arena_printf(arena, "%s%s0\n\n%s", head, authorization, body), &request,
                &claim);

    uint8_t bytes[SHA256_SIZE];
    uint8_t key[SHA256_SIZE];
    char hex[2 * SHA256_SIZE + 1];
    digest(DIGEST_SHA256, body, strlen(body), bytes);
    hex_encode(bytes, sizeof(bytes), hex);
    g_auto(Buffer) canonical = {0}, text = {0};
    const SigV4Reading reading = {.host = host, .payload_hash = hex};
    sigv4_canonical_request(&canonical, arena, &request, &claim, &reading);
    sigv4_string_to_sign(&text, &claim, canonical.data, canonical.size);
    sigv4_derive_key(FAKE_SECRET, &claim, key);
    digest_hmac(DIGEST_SHA256, key, sizeof(key), text.data, text.size, bytes);
    hex_encode(bytes, sizeof(bytes), hex);
    return arena_printf(arena, "%s%s%s\n\n%s", head, authorization, hex, body);
}
