/* Heads and bodies of HTTP/1: a head means the same however it is cut into pieces; what is passed
 * on of a good one is good again, ends where it says and frames its body in the same way; a body
 * too is the same in pieces. */
#include "lb/http_body.h"
#include "lb/http_rewrite.h"
#include "tests/fuzz/fuzz.h"

#include <stdlib.h>
#include <string.h>

static HttpHead head, again;

/* As http_scan finds it when bytes come a few at a time. */
static HttpVerdict scan_in_pieces(const char *bytes, uint32_t n, bool is_answer, uint32_t *ret_size)
{
    HttpScan scan = {0};
    for (uint32_t have = 1; have <= n; have += 1 + have % 7) {
        HttpVerdict verdict = http_scan(&scan, bytes, have, is_answer, ret_size);
        if (verdict != HTTP_GOOD || *ret_size)
            return verdict;
    }
    return http_scan(&scan, bytes, n, is_answer, ret_size);
}

static void try_body(HttpFraming framing, uint64_t length, bool strip, const char *bytes, size_t n)
{
    HttpBody at_once, in_pieces;
    size_t used, out, used_sum = 0, out_sum = 0, got, kept;
    char *whole = g_memdup2(bytes, n), *piece = g_malloc(8);
    http_body_init(&at_once, framing, length, strip);
    http_body_init(&in_pieces, framing, length, strip);
    bool good = http_body_take(&at_once, whole, n, &used, &out);
    for (size_t at = 0; at < n && !in_pieces.done;) {
        size_t step = 1 + at % 7 < n - at ? 1 + at % 7 : n - at;
        memcpy(piece, bytes + at, step);
        if (!http_body_take(&in_pieces, piece, step, &got, &kept)) {
            g_assert(!good);
            break;
        }
        g_assert(got == step || in_pieces.done);
        g_assert(!good || memcmp(whole + out_sum, piece, kept) == 0);
        at += step;
        used_sum += got;
        out_sum += kept;
    }
    g_assert(!good || (used == used_sum && out == out_sum && at_once.done == in_pieces.done));
    free(whole);
    free(piece);
}

static void try_request(const char *bytes, uint32_t n)
{
    static char out[HTTP_HEAD_MAX + HTTP_ADDED_MAX];
    HttpScan scan = {0};
    uint32_t size, pieces_size;
    HttpVerdict verdict = http_scan(&scan, bytes, n, false, &size);
    if (verdict != HTTP_GOOD || !size || http_parse_request(bytes, size, &head) != HTTP_GOOD)
        return;
    g_assert(scan_in_pieces(bytes, n, false, &pieces_size) == HTTP_GOOD && pieces_size == size);
    HttpOrigin origin = {.client = 0x7f000001, .address = 0x7f000002, .port = 80};
    uint32_t out_n = http_rewrite_request(&head, &origin, head.upgrade, out);
    g_assert(out_n <= size + HTTP_REQUEST_ADDED_MAX);
    uint32_t out_size;
    scan = (HttpScan){0};
    if (http_scan(&scan, out, out_n, false, &out_size) == HTTP_GOOD) { /* it may be too long now */
        g_assert(out_size == out_n);
        HttpVerdict second = http_parse_request(out, out_n, &again);
        g_assert(second == HTTP_GOOD || second == HTTP_HEAD_TOO_BIG);
        g_assert(second != HTTP_GOOD ||
                 (again.framing == head.framing && again.length == head.length));
    }
    try_body(head.framing, head.length, false, bytes + size, n - size);
}

static void try_answer(const char *bytes, uint32_t n)
{
    static char out[HTTP_HEAD_MAX + HTTP_ADDED_MAX];
    HttpScan scan = {0};
    uint32_t size, pieces_size;
    HttpVerdict verdict = http_scan(&scan, bytes, n, true, &size);
    if (verdict != HTTP_GOOD || !size || http_parse_answer(bytes, size, &head) != HTTP_GOOD)
        return;
    g_assert(scan_in_pieces(bytes, n, true, &pieces_size) == HTTP_GOOD && pieces_size == size);
    HttpAnswerChange change = {.close = head.minor == 0, .upgrade = head.status == 101};
    uint32_t out_n = http_rewrite_answer(&head, &change, out), out_size;
    g_assert(out_n <= size + HTTP_ADDED_MAX);
    scan = (HttpScan){0};
    if (http_scan(&scan, out, out_n, false, &out_size) == HTTP_GOOD) {
        g_assert(out_size == out_n);
        HttpVerdict second = http_parse_answer(out, out_n, &again);
        g_assert(second != HTTP_GOOD ||
                 (again.framing == head.framing && again.length == head.length));
    }
    try_body(head.framing, head.length, true, bytes + size, n - size);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    const char *bytes = g_memdup2(data, size);
    try_request(bytes, (uint32_t)size);
    try_answer(bytes, (uint32_t)size);
    try_body(HTTP_CHUNKED, 0, false, bytes, size);
    try_body(HTTP_CHUNKED, 0, true, bytes, size);
    free((void *)bytes);
    return 0;
}
