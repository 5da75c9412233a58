/* Words that may be used once: nonces, signatures. Each is remembered until a time of its own, when
 * whatever it came in would be refused as too old anyway. Thread-safe. */
#pragma once

#include <stddef.h>
#include <stdint.h>

typedef enum UsedOnceAnswer {
    USED_ONCE_FRESH, /* it is remembered from now on */
    USED_ONCE_AGAIN,
    USED_ONCE_FULL, /* nothing was remembered: it must not be believed */
} UsedOnceAnswer;

typedef struct UsedOnce UsedOnce;

/* Remembers at most that many words. */
UsedOnce *used_once_new(size_t most);
void used_once_free(UsedOnce *used); /* NULL is fine */

/* now and end in microseconds of the same clock; the word is remembered through end. */
UsedOnceAnswer used_once_take(UsedOnce *used, const char *word, int64_t now, int64_t end);
