/* Signature Version 4. Invariant: pure functions over the request and the claim; the claim has no
 * problem. */
#include "api/signature/sigv4.h"

#include "api/signature/canonical.h"

static void add_header(Buffer *out, const SignedRequest *request, const char *name,
                       const SigV4Reading *reading)
{
    buffer_add_text(out, name);
    buffer_add_char(out, ':');
    if (strcmp(name, "host") == 0) {
        buffer_add_text(out, reading->host);
    } else {
        bool first = true;
        for (size_t i = 0; i < request->http->n_headers; i++) {
            const Header *header = &request->http->headers[i];
            if (!http_header_is(header, name))
                continue;
            if (!first)
                buffer_add_char(out, ',');
            canonical_header_value(out, header->value, !reading->keep_whitespace);
            first = false;
        }
    }
    buffer_add_char(out, '\n');
}

void sigv4_canonical_request(Buffer *out, Arena *arena, const SignedRequest *request,
                             const Claim *claim, const SigV4Reading *reading)
{
    buffer_add_text(out, request->http->method);
    buffer_add_char(out, '\n');
    if (reading->path)
        buffer_add_text(out, reading->path);
    else
        canonical_path(out, arena, request->http->path);
    buffer_add_char(out, '\n');
    canonical_query(out, arena, request->params.items, request->n_query,
                    claim->form == SIGNATURE_V4_QUERY ? "X-Amz-Signature" : NULL);
    buffer_add_char(out, '\n');
    for (const char *const *name = claim->signed_names; *name; name++)
        add_header(out, request, *name, reading);
    buffer_add_char(out, '\n');
    buffer_add_text(out, claim->signed_headers);
    buffer_add_char(out, '\n');
    buffer_add_text(out, reading->payload_hash);
}

void sigv4_string_to_sign(Buffer *out, const Claim *claim, const char *canonical_request,
                          size_t size)
{
    uint8_t hash[SHA256_SIZE];
    char hex[2 * SHA256_SIZE + 1];
    digest(DIGEST_SHA256, canonical_request, size, hash);
    hex_encode(hash, sizeof(hash), hex);

    buffer_add_text(out, "AWS4-HMAC-SHA256\n");
    buffer_add_text(out, claim->timestamp);
    buffer_add_char(out, '\n');
    buffer_add_text(out, claim->scope);
    buffer_add_char(out, '\n');
    buffer_add_text(out, hex);
}

bool sigv4_is_mac(const char *signature, const uint8_t key[SHA256_SIZE], const char *text,
                  size_t size)
{
    uint8_t mac[SHA256_SIZE];
    char hex[2 * SHA256_SIZE + 1];
    digest_hmac(DIGEST_SHA256, key, SHA256_SIZE, text, size, mac);
    hex_encode(mac, sizeof(mac), hex);
    return constant_time_equal(hex, signature);
}

static void hmac_step(uint8_t key[SHA256_SIZE], const char *text)
{
    uint8_t next[SHA256_SIZE];
    digest_hmac(DIGEST_SHA256, key, SHA256_SIZE, text, strlen(text), next);
    memcpy(key, next, SHA256_SIZE);
}

void sigv4_derive_key(const char *secret, const Claim *claim, uint8_t ret_key[SHA256_SIZE])
{
    g_auto(Buffer) first = {0};
    buffer_add_text(&first, "AWS4");
    buffer_add_text(&first, secret);
    digest_hmac(DIGEST_SHA256, first.data, first.size, claim->date, strlen(claim->date), ret_key);
    hmac_step(ret_key, claim->region);
    hmac_step(ret_key, claim->service);
    hmac_step(ret_key, "aws4_request");
}

static bool has_run(const char *value)
{
    for (; *value; value++) {
        if (g_ascii_isspace(value[0]) && (g_ascii_isspace(value[1]) || value[0] != ' '))
            return true;
    }
    return false;
}

bool sigv4_has_runs(const SignedRequest *request, const Claim *claim)
{
    for (const char *const *name = claim->signed_names; *name; name++) {
        const char *value = http_header(request->http, *name);
        if (value && has_run(value))
            return true;
    }
    return false;
}
