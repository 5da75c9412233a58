/* Cookies (RFC 6265, leniently: what a browser sends back). */
#include "lb/sticky.h"

#include <stdio.h>
#include <string.h>

static const char COOKIE[] = "AWSELB";

/* Of "name=value" with anything behind it; value up to a semicolon. False: another name. */
static bool cookie_is(HttpSpan pair, const char *name, HttpSpan *ret_value)
{
    size_t n = strlen(name);
    if (pair.n <= n || memcmp(pair.text, name, n) != 0 || pair.text[n] != '=')
        return false;
    const char *value = pair.text + n + 1, *end = pair.text + pair.n;
    const char *stop = memchr(value, ';', (size_t)(end - value));
    *ret_value = (HttpSpan){value, (uint32_t)((stop ? stop : end) - value)};
    return true;
}

static bool find_cookie(const HttpHead *request, const char *name, HttpSpan *ret_value)
{
    for (uint32_t i = 0; i < request->fields_n; i++) {
        const HttpField *field = &request->fields[i];
        const char *at = field->value.text, *end = at + field->value.n;
        while (field->is == HTTP_COOKIE && at < end) {
            const char *stop = memchr(at, ';', (size_t)(end - at));
            HttpSpan pair = {at, (uint32_t)((stop ? stop : end) - at)};
            if (cookie_is(pair, name, ret_value))
                return true;
            at = stop ? stop + 1 : end;
            while (at < end && *at == ' ')
                at++;
        }
    }
    return false;
}

Target *sticky_target(const Rules *rules, const HttpHead *request)
{
    HttpSpan token, ignored;
    if (rules->stickiness == LB_STICKY_NONE || !find_cookie(request, COOKIE, &token) ||
        token.n != TOKEN_SIZE - 1)
        return NULL;
    if (rules->stickiness == LB_STICKY_APPLICATION &&
        !find_cookie(request, rules->sticky_cookie, &ignored))
        return NULL;
    for (unsigned i = 0; i < rules->open_n; i++) {
        if (memcmp(rules->open[i]->token, token.text, token.n) == 0)
            return rules->open[i];
    }
    return NULL;
}

static bool sets_cookie(const HttpHead *answer, const char *name)
{
    HttpSpan ignored;
    for (uint32_t i = 0; i < answer->fields_n; i++) {
        const HttpField *field = &answer->fields[i];
        if (field->is == HTTP_SET_COOKIE && cookie_is(field->value, name, &ignored))
            return true;
    }
    return false;
}

bool sticky_wants_cookie(const Rules *rules, const HttpHead *answer, const Target *before,
                         const Target *target)
{
    switch (rules->stickiness) {
    case LB_STICKY_BALANCER:
        return before != target;
    case LB_STICKY_APPLICATION:
        return sets_cookie(answer, rules->sticky_cookie);
    default:
        return false;
    }
}

size_t sticky_write_cookie(const Rules *rules, const Target *target, char *line)
{
    int n = rules->stickiness == LB_STICKY_BALANCER && rules->sticky_seconds
                ? snprintf(line, STICKY_LINE_MAX, "Set-Cookie: %s=%s;PATH=/;MAX-AGE=%u\r\n", COOKIE,
                           target->token, rules->sticky_seconds)
                : snprintf(line, STICKY_LINE_MAX, "Set-Cookie: %s=%s;PATH=/\r\n", COOKIE,
                           target->token);
    return (size_t)n;
}
