/* MD5 in lanes.
 *
 * The rounds are written once, for a word that may be a number or a vector of eight; the vector
 * kernel reads a block of each lane and turns the 8 x 16 words around, so that one vector holds the
 * same word of all lanes. The compiler makes two of it: with AVX-512's rotate and three-operand
 * logic it needs about half the instructions.
 *
 * Invariant: a kernel is only given whole blocks; what does not fill one waits in Md5.tail. */
#include "imagestore/md5_lanes.h"

#include <glib.h>
#include <stdbool.h>
#include <string.h>

#define BLOCK 64

/* Vectors pay from this many streams on. */
#define LANES_LEAST 2

#define F(x, y, z) ((z) ^ ((x) & ((y) ^ (z))))
/* The same twice: one number waits less for the sum, of which a half is there early; a vector needs
 * one instruction fewer for the choice. */
#define G_SUM(x, y, z) (((x) & (z)) + ((y) & ~(z)))
#define G_CHOICE(x, y, z) ((y) ^ ((z) & ((x) ^ (y))))
#define H(x, y, z) ((x) ^ (y) ^ (z))
#define I(x, y, z) ((y) ^ ((x) | ~(z)))

#define STEP(f, a, b, c, d, word, constant, turn)                                                  \
    ((a) += f(b, c, d) + (word) + (constant), (a) = ((a) << (turn) | (a) >> (32 - (turn))) + (b))

/* Four steps: word is the number of the first's, stride what the next ones' numbers grow by. */
#define FOUR(f, w, word, stride, k0, k1, k2, k3, t0, t1, t2, t3)                                   \
    (STEP(f, a, b, c, d, (w)[(word) % 16], k0, t0),                                                \
     STEP(f, d, a, b, c, (w)[((word) + (stride)) % 16], k1, t1),                                   \
     STEP(f, c, d, a, b, (w)[((word) + 2 * (stride)) % 16], k2, t2),                               \
     STEP(f, b, c, d, a, (w)[((word) + 3 * (stride)) % 16], k3, t3))

/* a, b, c, d through all 64 steps over the 16 words w; G is one of those above. */
#define ROUNDS(w, G)                                                                               \
    (FOUR(F, w, 0, 1, 0xd76aa478, 0xe8c7b756, 0x242070db, 0xc1bdceee, 7, 12, 17, 22),              \
     FOUR(F, w, 4, 1, 0xf57c0faf, 0x4787c62a, 0xa8304613, 0xfd469501, 7, 12, 17, 22),              \
     FOUR(F, w, 8, 1, 0x698098d8, 0x8b44f7af, 0xffff5bb1, 0x895cd7be, 7, 12, 17, 22),              \
     FOUR(F, w, 12, 1, 0x6b901122, 0xfd987193, 0xa679438e, 0x49b40821, 7, 12, 17, 22),             \
     FOUR(G, w, 1, 5, 0xf61e2562, 0xc040b340, 0x265e5a51, 0xe9b6c7aa, 5, 9, 14, 20),               \
     FOUR(G, w, 5, 5, 0xd62f105d, 0x02441453, 0xd8a1e681, 0xe7d3fbc8, 5, 9, 14, 20),               \
     FOUR(G, w, 9, 5, 0x21e1cde6, 0xc33707d6, 0xf4d50d87, 0x455a14ed, 5, 9, 14, 20),               \
     FOUR(G, w, 13, 5, 0xa9e3e905, 0xfcefa3f8, 0x676f02d9, 0x8d2a4c8a, 5, 9, 14, 20),              \
     FOUR(H, w, 5, 3, 0xfffa3942, 0x8771f681, 0x6d9d6122, 0xfde5380c, 4, 11, 16, 23),              \
     FOUR(H, w, 1, 3, 0xa4beea44, 0x4bdecfa9, 0xf6bb4b60, 0xbebfbc70, 4, 11, 16, 23),              \
     FOUR(H, w, 13, 3, 0x289b7ec6, 0xeaa127fa, 0xd4ef3085, 0x04881d05, 4, 11, 16, 23),             \
     FOUR(H, w, 9, 3, 0xd9d4d039, 0xe6db99e5, 0x1fa27cf8, 0xc4ac5665, 4, 11, 16, 23),              \
     FOUR(I, w, 0, 7, 0xf4292244, 0x432aff97, 0xab9423a7, 0xfc93a039, 6, 10, 15, 21),              \
     FOUR(I, w, 12, 7, 0x655b59c3, 0x8f0ccc92, 0xffeff47d, 0x85845dd1, 6, 10, 15, 21),             \
     FOUR(I, w, 8, 7, 0x6fa87e4f, 0xfe2ce6e0, 0xa3014314, 0x4e0811a1, 6, 10, 15, 21),              \
     FOUR(I, w, 4, 7, 0xf7537e82, 0xbd3af235, 0x2ad7d2bb, 0xeb86d391, 6, 10, 15, 21))

static void one_stream(uint32_t state[4], const uint8_t *data, size_t blocks)
{
    for (; blocks > 0; blocks--, data += BLOCK) {
        uint32_t w[16];
        memcpy(w, data, BLOCK);
        for (unsigned i = 0; i < 16; i++)
            w[i] = GUINT32_FROM_LE(w[i]);
        uint32_t a = state[0], b = state[1], c = state[2], d = state[3];
        ROUNDS(w, G_SUM);
        state[0] += a;
        state[1] += b;
        state[2] += c;
        state[3] += d;
    }
}

#ifdef __x86_64__
typedef uint32_t Vector __attribute__((vector_size(4 * MD5_LANES)));

/* Within each half of 16 bytes, then of pairs of words, then of the halves. */
#define LOW(x, y) __builtin_shufflevector(x, y, 0, 8, 1, 9, 4, 12, 5, 13)
#define HIGH(x, y) __builtin_shufflevector(x, y, 2, 10, 3, 11, 6, 14, 7, 15)
#define LOW_PAIRS(x, y) __builtin_shufflevector(x, y, 0, 1, 8, 9, 4, 5, 12, 13)
#define HIGH_PAIRS(x, y) __builtin_shufflevector(x, y, 2, 3, 10, 11, 6, 7, 14, 15)
#define LOW_HALVES(x, y) __builtin_shufflevector(x, y, 0, 1, 2, 3, 8, 9, 10, 11)
#define HIGH_HALVES(x, y) __builtin_shufflevector(x, y, 4, 5, 6, 7, 12, 13, 14, 15)

/* Eight words of each lane, from offset on: w[i] gets the i-th word of all. */
__attribute__((always_inline)) static inline void load_turned(const uint8_t *const data[MD5_LANES],
                                                              size_t offset, Vector w[8])
{
    Vector r[MD5_LANES], s[MD5_LANES];
    for (unsigned i = 0; i < MD5_LANES; i++)
        memcpy(&r[i], data[i] + offset, sizeof(Vector));
    for (unsigned i = 0; i < MD5_LANES; i += 2) {
        s[i] = LOW(r[i], r[i + 1]);
        s[i + 1] = HIGH(r[i], r[i + 1]);
    }
    for (unsigned i = 0; i < MD5_LANES; i += 4) {
        r[i] = LOW_PAIRS(s[i], s[i + 2]);
        r[i + 1] = HIGH_PAIRS(s[i], s[i + 2]);
        r[i + 2] = LOW_PAIRS(s[i + 1], s[i + 3]);
        r[i + 3] = HIGH_PAIRS(s[i + 1], s[i + 3]);
    }
    for (unsigned i = 0; i < 4; i++) {
        w[i] = LOW_HALVES(r[i], r[i + 4]);
        w[i + 4] = HIGH_HALVES(r[i], r[i + 4]);
    }
}

__attribute__((always_inline)) static inline void
many_streams(uint32_t state[4][MD5_LANES], const uint8_t *const data[MD5_LANES], size_t blocks)
{
    Vector s[4], w[16];
    memcpy(s, state, sizeof(s));
    for (size_t offset = 0; offset < blocks * BLOCK; offset += BLOCK) {
        load_turned(data, offset, w);
        load_turned(data, offset + BLOCK / 2, w + 8);
        Vector a = s[0], b = s[1], c = s[2], d = s[3];
        ROUNDS(w, G_CHOICE);
        s[0] += a;
        s[1] += b;
        s[2] += c;
        s[3] += d;
    }
    memcpy(state, s, sizeof(s));
}

typedef void (*LanesFn)(uint32_t state[4][MD5_LANES], const uint8_t *const data[MD5_LANES],
                        size_t blocks);

__attribute__((target("avx2"))) static void
with_avx2(uint32_t state[4][MD5_LANES], const uint8_t *const data[MD5_LANES], size_t blocks)
{
    many_streams(state, data, blocks);
}

__attribute__((target("avx2,avx512f,avx512vl"))) static void
with_avx512(uint32_t state[4][MD5_LANES], const uint8_t *const data[MD5_LANES], size_t blocks)
{
    many_streams(state, data, blocks);
}

static LanesFn lanes_function(void)
{
    if (__builtin_cpu_supports("avx512vl"))
        return with_avx512;
    return __builtin_cpu_supports("avx2") ? with_avx2 : NULL;
}

/* Feeds of at least `blocks` blocks each, at most MD5_LANES of them. */
static void run_lanes(LanesFn lanes, Md5Feed *const *feeds, size_t n, size_t blocks)
{
    uint32_t state[4][MD5_LANES];
    const uint8_t *data[MD5_LANES];
    for (size_t lane = 0; lane < MD5_LANES; lane++) {
        const Md5Feed *feed =
            feeds[lane < n ? lane : 0]; /* lanes to spare do what the first does */
        data[lane] = feed->data;
        for (unsigned i = 0; i < 4; i++)
            state[i][lane] = feed->md5->state[i];
    }
    lanes(state, data, blocks);
    for (size_t lane = 0; lane < n; lane++) {
        for (unsigned i = 0; i < 4; i++)
            feeds[lane]->md5->state[i] = state[i][lane];
    }
}
#else
typedef void *LanesFn;

static LanesFn lanes_function(void)
{
    return NULL;
}

static void run_lanes(LanesFn lanes, Md5Feed *const *feeds, size_t n, size_t blocks)
{
    g_assert_not_reached();
}
#endif

void md5_init(Md5 *md5)
{
    *md5 = (Md5){.state = {0x67452301, 0xefcdab89, 0x98badcfe, 0x10325476}};
}

static void feed_advance(Md5Feed *feed, size_t size)
{
    feed->md5->size += size;
    feed->data += size;
    feed->size -= size;
}

/* Bytes into the tail until it is a block, which is then done. */
static void feed_tail(Md5Feed *feed)
{
    size_t held = feed->md5->size % BLOCK;
    size_t taken = MIN(feed->size, BLOCK - held);
    if (taken == 0)
        return;
    memcpy(feed->md5->tail + held, feed->data, taken);
    feed_advance(feed, taken);
    if (held + taken == BLOCK)
        one_stream(feed->md5->state, feed->md5->tail, 1);
}

/* The feeds of which a block is left, at most MD5_LANES, and how many all of them have. */
static size_t choose(Md5Feed *feeds, size_t n, Md5Feed **chosen, size_t *ret_blocks)
{
    size_t n_chosen = 0, least = SIZE_MAX;
    for (size_t i = 0; i < n && n_chosen < MD5_LANES; i++) {
        if (feeds[i].size >= BLOCK) {
            chosen[n_chosen++] = &feeds[i];
            least = MIN(least, feeds[i].size / BLOCK);
        }
    }
    *ret_blocks = least;
    return n_chosen;
}

void md5_add(Md5Feed *feeds, size_t n)
{
    LanesFn lanes = n >= LANES_LEAST ? lanes_function() : NULL;
    for (size_t i = 0; i < n; i++) {
        if (feeds[i].md5->size % BLOCK != 0)
            feed_tail(&feeds[i]);
    }
    Md5Feed *chosen[MD5_LANES];
    size_t blocks;
    for (size_t used; (used = choose(feeds, n, chosen, &blocks)) > 0;) {
        if (lanes && used >= LANES_LEAST) {
            run_lanes(lanes, chosen, used, blocks);
            for (size_t i = 0; i < used; i++)
                feed_advance(chosen[i], blocks * BLOCK);
        } else {
            blocks = chosen[0]->size / BLOCK;
            one_stream(chosen[0]->md5->state, chosen[0]->data, blocks);
            feed_advance(chosen[0], blocks * BLOCK);
        }
    }
    for (size_t i = 0; i < n; i++)
        feed_tail(&feeds[i]);
}

void md5_end(const Md5 *md5, uint8_t out[16])
{
    Md5 last = *md5;
    size_t held = last.size % BLOCK;
    uint64_t bits = GUINT64_TO_LE(last.size * 8);
    uint8_t padding[2 * BLOCK] = {0};
    size_t blocks = held < BLOCK - sizeof(bits) ? 1 : 2;

    memcpy(padding, last.tail, held);
    padding[held] = 0x80;
    memcpy(padding + blocks * BLOCK - sizeof(bits), &bits, sizeof(bits));
    one_stream(last.state, padding, blocks);
    for (unsigned i = 0; i < 4; i++) {
        uint32_t word = GUINT32_TO_LE(last.state[i]);
        memcpy(out + 4 * i, &word, 4);
    }
}
