/* Reflected CRCs of 32 and 64 bits.
 *
 * A polynomial over GF(2) of degree below the width W is a number whose bit W - 1 is the
 * coefficient of x^0: "reflected". All three CRCs start with all bits set and end inverted.
 *
 * Invariant: between calls a CRC is in its final, inverted form, so that the two ways of computing
 * it can take turns.
 *
 * With carry-less multiplication: a block of 128 bits, as a polynomial, is moved forward by D bits
 * by multiplying its halves with x^(D+64) and x^D modulo the CRC's polynomial, which gives 128 bits
 * with the same remainder. So the data are folded, four blocks at a time, until 16 bytes are left;
 * the tables then do those. A product of two reflected numbers comes out one bit short, hence the
 * exponents less one. Source: V. Gopal and others, "Fast CRC Computation for Generic Polynomials
 * Using PCLMULQDQ Instruction" (Intel, 2009). */
#include "imagestore/checksum_crc.h"

#include <string.h>
#ifdef __x86_64__
#include <immintrin.h>
#endif

#define FOLD_STRIDE 64 /* bytes, four blocks */
#define SQUARES 67     /* for as many bits as 2^64 bytes have */

typedef struct Crc {
    unsigned width;
    uint64_t polynomial; /* without its highest coefficient */
    uint64_t mask;
    uint64_t tables[8][256];   /* of a byte with 0 to 7 bytes of zeros behind it */
    uint64_t far[2], near[2];  /* multipliers that fold by FOLD_STRIDE, and by one block */
    uint64_t squares[SQUARES]; /* x to the power of 2^i */
} Crc;

static uint64_t times_x(const Crc *crc, uint64_t a)
{
    return a >> 1 ^ (a & 1 ? crc->polynomial : 0);
}

static uint64_t multiply(const Crc *crc, uint64_t a, uint64_t b)
{
    uint64_t product = 0;
    for (uint64_t bit = UINT64_C(1) << (crc->width - 1); bit; bit >>= 1) {
        if (a & bit)
            product ^= b;
        b = times_x(crc, b);
    }
    return product;
}

/* a times x to the power of n 2^shift. */
static uint64_t move(const Crc *crc, uint64_t a, uint64_t n, unsigned shift)
{
    for (const uint64_t *square = crc->squares + shift; n > 0; n >>= 1, square++) {
        if (n & 1)
            a = multiply(crc, a, *square);
    }
    return a;
}

static uint64_t power(const Crc *crc, uint64_t n)
{
    return move(crc, UINT64_C(1) << (crc->width - 1), n, 0);
}

static void set_multipliers(const Crc *crc, unsigned bits, uint64_t *multipliers)
{
    multipliers[0] = power(crc, bits + 64 - 1) << (64 - crc->width);
    multipliers[1] = power(crc, bits - 1) << (64 - crc->width);
}

static void set_up(Crc *crc, unsigned width, uint64_t polynomial)
{
    crc->width = width;
    crc->polynomial = polynomial;
    crc->mask = UINT64_MAX >> (64 - width);
    for (unsigned byte = 0; byte < 256; byte++) {
        uint64_t value = byte;
        for (int i = 0; i < 8; i++)
            value = times_x(crc, value);
        crc->tables[0][byte] = value;
    }
    for (unsigned zeros = 1; zeros < 8; zeros++) {
        for (unsigned byte = 0; byte < 256; byte++) {
            uint64_t shorter = crc->tables[zeros - 1][byte];
            crc->tables[zeros][byte] = crc->tables[0][shorter & 255] ^ shorter >> 8;
        }
    }
    crc->squares[0] = times_x(crc, UINT64_C(1) << (width - 1));
    for (unsigned i = 1; i < SQUARES; i++)
        crc->squares[i] = multiply(crc, crc->squares[i - 1], crc->squares[i - 1]);
    set_multipliers(crc, FOLD_STRIDE * 8, crc->far);
    set_multipliers(crc, 128, crc->near);
}

static void *make_crcs(void *unused)
{
    Crc *crcs = g_new0(Crc, CHECKSUM_CRC64NVME + 1);
    set_up(&crcs[CHECKSUM_CRC32], 32, UINT64_C(0xedb88320));
    set_up(&crcs[CHECKSUM_CRC32C], 32, UINT64_C(0x82f63b78));
    set_up(&crcs[CHECKSUM_CRC64NVME], 64, UINT64_C(0x9a6c9329ac4bc9b5));
    return crcs;
}

static const Crc *crc_of(ChecksumKind kind)
{
    static GOnce once = G_ONCE_INIT;
    g_assert(checksum_is_crc(kind));
    const Crc *crcs = g_once(&once, make_crcs, NULL);
    return &crcs[kind];
}

/* state is not inverted, here and in fold(). */
static uint64_t by_tables(const Crc *crc, uint64_t state, const uint8_t *data, size_t size)
{
    for (; size >= 8; data += 8, size -= 8) {
        uint64_t word;
        memcpy(&word, data, 8);
        word = GUINT64_FROM_LE(word) ^ state;
        state = 0;
        for (unsigned i = 0; i < 8; i++)
            state ^= crc->tables[7 - i][word >> 8 * i & 255];
    }
    for (; size > 0; data++, size--)
        state = crc->tables[0][(state ^ *data) & 255] ^ state >> 8;
    return state;
}

#ifdef __x86_64__
#define WITH_FOLDING __attribute__((target("pclmul,sse2")))

WITH_FOLDING static inline __m128i fold_by(__m128i block, __m128i multipliers)
{
    return _mm_xor_si128(_mm_clmulepi64_si128(block, multipliers, 0x00),
                         _mm_clmulepi64_si128(block, multipliers, 0x11));
}

/* Of at least FOLD_STRIDE bytes; *ret_used tells how many of them, a multiple of 16. */
WITH_FOLDING static uint64_t fold(const Crc *crc, uint64_t state, const uint8_t *data, size_t size,
                                  size_t *ret_used)
{
    const __m128i *next = (const __m128i *)data;
    const __m128i far = _mm_loadu_si128((const __m128i *)crc->far);
    const __m128i near = _mm_loadu_si128((const __m128i *)crc->near);
    __m128i blocks[4];
    for (unsigned i = 0; i < 4; i++)
        blocks[i] = _mm_loadu_si128(next++);
    blocks[0] = _mm_xor_si128(blocks[0], _mm_cvtsi64_si128((long long)state));

    size_t left = size - FOLD_STRIDE;
    for (; left >= FOLD_STRIDE; left -= FOLD_STRIDE) {
        for (unsigned i = 0; i < 4; i++)
            blocks[i] = _mm_xor_si128(fold_by(blocks[i], far), _mm_loadu_si128(next++));
    }
    __m128i sum = blocks[0];
    for (unsigned i = 1; i < 4; i++)
        sum = _mm_xor_si128(fold_by(sum, near), blocks[i]);
    for (; left >= 16; left -= 16)
        sum = _mm_xor_si128(fold_by(sum, near), _mm_loadu_si128(next++));

    uint8_t rest[16];
    _mm_storeu_si128((__m128i *)rest, sum);
    *ret_used = size - left;
    return by_tables(crc, 0, rest, sizeof(rest));
}

static bool can_fold(void)
{
    return __builtin_cpu_supports("pclmul");
}
#else
static uint64_t fold(const Crc *crc, uint64_t state, const uint8_t *data, size_t size,
                     size_t *ret_used)
{
    *ret_used = 0;
    return state;
}

static bool can_fold(void)
{
    return false;
}
#endif

uint64_t crc_add(ChecksumKind kind, uint64_t crc, const void *data, size_t size)
{
    const Crc *self = crc_of(kind);
    uint64_t state = ~crc & self->mask;
    size_t used = 0;
    if (size >= FOLD_STRIDE && can_fold())
        state = fold(self, state, data, size, &used);
    return ~by_tables(self, state, (const uint8_t *)data + used, size - used) & self->mask;
}

uint64_t crc_add_by_tables(ChecksumKind kind, uint64_t crc, const void *data, size_t size)
{
    const Crc *self = crc_of(kind);
    return ~by_tables(self, ~crc & self->mask, data, size) & self->mask;
}

uint64_t crc_combine(ChecksumKind kind, uint64_t a, uint64_t b, uint64_t size_b)
{
    return move(crc_of(kind), a, size_b, 3) ^ b; /* 8 bits a byte */
}
