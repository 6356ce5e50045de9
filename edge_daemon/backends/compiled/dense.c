/* Sums of dense layers from tables of weights in bytes, whole numbers throughout.

   Such a table can be most of a model file, and takes longer to read than to multiply. So it stays in bytes, as it lies in
   the file, and is read once for several windows, eight rows at a time. A value (within ±255) is made positive, and cut
   into its four low bits and the rest: products of either with eight weights add up within 16 bits (8 · 31 · 128), of
   which a vector holds twice as many as of 32. What making it positive has added is taken away again. */

#include <string.h>

#include "network.h"

#if WITH_AVX2
#include <immintrin.h>
#endif

#define ROWS 8
#define RISE 256 /* what is added to a value */
#define MOST 8   /* windows at a time */
#define BLOCK 64 /* columns at a time */
#define EVENTS 254 /* weights that add up within 16 bits; even */

typedef struct {
    const int8_t *weight[ROWS]; /* beyond the last row the last one, times nothing */
    uint8_t low[ROWS], high[ROWS];
} Rows;

static void add_rows(const Rows *rows, int64_t begin, int64_t outputs, int32_t *restrict sums)
{
    for (int64_t c = begin; c < outputs; c++) {
        int16_t lows = 0, highs = 0;
        for (int k = 0; k < ROWS; k++) {
            lows = (int16_t)(lows + rows->low[k] * rows->weight[k][c]);
            highs = (int16_t)(highs + rows->high[k] * rows->weight[k][c]);
        }
        sums[c] += lows + 16 * highs;
    }
}

#if WITH_AVX2
__attribute__((target("avx2")))
INLINE void add_to(int32_t *sums, __m128i shorts, const int shift)
{
    __m256i *to = (__m256i *)sums;
    _mm256_storeu_si256(to, _mm256_add_epi32(_mm256_loadu_si256(to), _mm256_slli_epi32(_mm256_cvtepi16_epi32(shorts), shift)));
}

/* Two rows' bytes are laid side by side, for that is what the processor multiplies and adds: columns 0 to 7 and 16 to 23 in
   the first vector, the others in the second. */
__attribute__((target("avx2")))
INLINE void add_both(int32_t *sums, const __m256i halves[2], const int shift)
{
    for (int half = 0; half < 2; half++) {
        add_to(sums + 8 * half, _mm256_castsi256_si128(halves[half]), shift);
        add_to(sums + 16 + 8 * half, _mm256_extracti128_si256(halves[half], 1), shift);
    }
}

/* Thirty-two columns at a time. Returns the first one that is left. */
__attribute__((target("avx2")))
static int64_t add_rows_avx2(const Rows *rows, int64_t begin, int64_t outputs, int32_t *restrict sums)
{
    __m256i low[ROWS / 2], high[ROWS / 2], none = _mm256_setzero_si256();
    for (int k = 0; k < ROWS / 2; k++) {
        low[k] = _mm256_set1_epi16((int16_t)(rows->low[2 * k] | rows->low[2 * k + 1] << 8));
        high[k] = _mm256_set1_epi16((int16_t)(rows->high[2 * k] | rows->high[2 * k + 1] << 8));
    }
    int64_t c = begin;
    for (; c + 32 <= outputs; c += 32) {
        __m256i lows[2] = {none, none}, highs[2] = {none, none};
        for (int k = 0; k < ROWS / 2; k++) {
            const int8_t *one = rows->weight[2 * k] + c, *other = rows->weight[2 * k + 1] + c;
            __builtin_prefetch(one + ROWS * outputs); /* it does not look beyond a page, often a row, by itself */
            __builtin_prefetch(other + ROWS * outputs);
            __m256i a = _mm256_loadu_si256((const __m256i *)one), b = _mm256_loadu_si256((const __m256i *)other);
            __m256i pairs[2] = {_mm256_unpacklo_epi8(a, b), _mm256_unpackhi_epi8(a, b)};
            for (int half = 0; half < 2; half++) {
                lows[half] = _mm256_add_epi16(lows[half], _mm256_maddubs_epi16(low[k], pairs[half]));
                highs[half] = _mm256_add_epi16(highs[half], _mm256_maddubs_epi16(high[k], pairs[half]));
            }
        }
        add_both(sums + c, lows, 0);
        add_both(sums + c, highs, 4);
    }
    return c;
}

/* Rows as they are, of `n` times thirty-two columns. */
__attribute__((target("avx2")))
INLINE void add_events_block(const int8_t *weight, const uint32_t *rows, int32_t count, int32_t *sums, const int n)
{
    const __m256i both = _mm256_set1_epi8(1), first = _mm256_set1_epi16(1);
    for (int32_t i = 0; i < count;) {
        const int32_t end = count - i < EVENTS ? count : i + EVENTS;
        __m256i total[4][2];
        for (int v = 0; v < n; v++) total[v][0] = total[v][1] = _mm256_setzero_si256();
        for (; i < end; i += 2) {
            const int8_t *one = weight + rows[i], *other = weight + rows[i + 1 < end ? i + 1 : i];
            const __m256i ones = i + 1 < end ? both : first;
            for (int v = 0; v < n; v++) {
                __m256i a = _mm256_loadu_si256((const __m256i *)(one + 32 * v));
                __m256i b = _mm256_loadu_si256((const __m256i *)(other + 32 * v));
                total[v][0] = _mm256_add_epi16(total[v][0], _mm256_maddubs_epi16(ones, _mm256_unpacklo_epi8(a, b)));
                total[v][1] = _mm256_add_epi16(total[v][1], _mm256_maddubs_epi16(ones, _mm256_unpackhi_epi8(a, b)));
            }
        }
        for (int v = 0; v < n; v++) add_both(sums + 32 * v, total[v], 0);
    }
}

__attribute__((target("avx2")))
static int64_t add_events_avx2(const int8_t *weight, int64_t outputs, const uint32_t *rows, int32_t count, int32_t *sums)
{
    int64_t c = 0;
    for (; c + 128 <= outputs; c += 128) add_events_block(weight + c, rows, count, sums + c, 4);
    for (; c + 32 <= outputs; c += 32) add_events_block(weight + c, rows, count, sums + c, 1);
    return c;
}
#endif

#if WITH_AVX512
#define QUADS 4 /* of rows, which lie together in registers */

/* With instructions for products of bytes: positive parts of values, less negative ones. Rows of weights are laid side by
   side four at a time, once for all windows; columns stand as that leaves them until the end. Returns the first column
   that is left. */
__attribute__((target("avx512vl,avx512vnni,avx512bw")))
static int64_t dense_sums_vnni(const int8_t *weight, int64_t inputs, int64_t outputs, int64_t padded, const int32_t *values,
                               int64_t windows, int32_t *sums)
{
    const int64_t end = outputs / 32 * 32, rows = 4 * QUADS;
    union { uint8_t byte[4 * QUADS]; int32_t quad[QUADS]; } part[2][MOST];
    int32_t below[MOST];
    for (int64_t row = 0; row < inputs; row += rows) {
        const int64_t last = inputs - 1 - row;
        for (int64_t window = 0; window < windows; window++) {
            below[window] = 0;
            for (int k = 0; k < rows; k++) {
                int32_t x = k <= last ? values[window * inputs + row + k] : 0;
                part[0][window].byte[k] = (uint8_t)(x > 0 ? x : 0), part[1][window].byte[k] = (uint8_t)(x < 0 ? -x : 0);
                below[window] |= x < 0;
            }
        }
        for (int64_t c = 0; c < end; c += 32) {
            __m256i four[QUADS][4];
            for (int q = 0; q < QUADS; q++) {
                __m256i w[4];
                for (int k = 0; k < 4; k++) {
                    const int64_t own = 4 * q + k < last ? 4 * q + k : last;
                    const int8_t *at = weight + (row + own) * outputs + c;
                    w[k] = _mm256_loadu_si256((const __m256i *)at);
                    __builtin_prefetch(at + rows * outputs); /* it does not look beyond a page, often a row, by itself */
                }
                __m256i near = _mm256_unpacklo_epi8(w[0], w[1]), far = _mm256_unpacklo_epi8(w[2], w[3]);
                four[q][0] = _mm256_unpacklo_epi16(near, far), four[q][1] = _mm256_unpackhi_epi16(near, far);
                near = _mm256_unpackhi_epi8(w[0], w[1]), far = _mm256_unpackhi_epi8(w[2], w[3]);
                four[q][2] = _mm256_unpacklo_epi16(near, far), four[q][3] = _mm256_unpackhi_epi16(near, far);
            }
            for (int64_t window = 0; window < windows; window++) {
                __m256i *to = (__m256i *)(sums + window * padded + c), total[4];
                for (int v = 0; v < 4; v++) total[v] = _mm256_loadu_si256(to + v);
                for (int q = 0; q < QUADS; q++)
                    for (int v = 0; v < 4; v++)
                        total[v] = _mm256_dpbusd_epi32(total[v], _mm256_set1_epi32(part[0][window].quad[q]), four[q][v]);
                if (below[window]) {
                    __m256i less[4] = {_mm256_setzero_si256(), _mm256_setzero_si256(), _mm256_setzero_si256(),
                                       _mm256_setzero_si256()};
                    for (int q = 0; q < QUADS; q++)
                        for (int v = 0; v < 4; v++)
                            less[v] = _mm256_dpbusd_epi32(less[v], _mm256_set1_epi32(part[1][window].quad[q]), four[q][v]);
                    for (int v = 0; v < 4; v++) total[v] = _mm256_sub_epi32(total[v], less[v]);
                }
                for (int v = 0; v < 4; v++) _mm256_storeu_si256(to + v, total[v]);
            }
        }
    }
    for (int64_t window = 0; window < windows; window++)
        for (int64_t c = 0; c < end; c += 32) {
            int32_t *at = sums + window * padded + c, old[32];
            for (int k = 0; k < 32; k++) old[k] = at[k];
            for (int k = 0; k < 32; k++) at[k] = old[k % 16 / 4 * 8 + k / 16 * 4 + k % 4];
        }
    return end;
}
#endif

/* Weights int8 [inputs][outputs], a column's whole sum int32 [outputs], values int32 [windows][inputs] within ±255; sums
   int32 [windows][padded]. At most eight windows. */
void edge_daemon_dense_sums(const int8_t *weight, const int32_t *column_sum, int64_t inputs, int64_t outputs,
                            int64_t padded, const int32_t *values, int64_t windows, int32_t *sums)
{
    int64_t begin = 0; /* the first column that is left */
    memset(sums, 0, sizeof(int32_t) * (size_t)(windows * padded));
#if WITH_AVX2
    const int vectors = __builtin_cpu_supports("avx2");
#endif
#if WITH_AVX512
    if (__builtin_cpu_supports("avx512vl") && __builtin_cpu_supports("avx512vnni"))
        begin = dense_sums_vnni(weight, inputs, outputs, padded, values, windows, sums);
#endif
    for (int64_t window = 0; window < windows; window++)
        for (int64_t c = begin; c < outputs; c++) sums[window * padded + c] = -RISE * column_sum[c];
    for (int64_t row = 0; row < inputs && begin < outputs; row += ROWS) {
        int64_t last = inputs - 1 - row;
        Rows rows;
        for (int k = 0; k < ROWS; k++) rows.weight[k] = weight + (row + (k < last ? k : last)) * outputs;
        for (int64_t window = 0; window < windows; window++) {
            const int32_t *value = values + window * inputs + row;
            for (int k = 0; k < ROWS; k++) {
                int32_t raised = k <= last ? value[k] + RISE : 0;
                rows.low[k] = (uint8_t)(raised & 15), rows.high[k] = (uint8_t)(raised >> 4);
            }
            int32_t *to = sums + window * padded;
            int64_t done = begin;
#if WITH_AVX2
            if (vectors) done = add_rows_avx2(&rows, begin, outputs, to);
#endif
            add_rows(&rows, done, outputs, to);
        }
    }
}

/* The same where each value is a spike: `rows` says where the weights of each begin; sums int32 [outputs]. */
void edge_daemon_dense_events(const int8_t *weight, int64_t outputs, const uint32_t *rows, int32_t count, int32_t *sums)
{
    int64_t begin = 0;
    memset(sums, 0, sizeof(int32_t) * (size_t)outputs);
#if WITH_AVX2
    if (__builtin_cpu_supports("avx2")) begin = add_events_avx2(weight, outputs, rows, count, sums);
#endif
    for (; begin < outputs; begin += BLOCK) {
        const int64_t columns = outputs - begin < BLOCK ? outputs - begin : BLOCK;
        for (int32_t i = 0; i < count;) {
            const int32_t end = count - i < EVENTS ? count : i + EVENTS;
            int16_t total[BLOCK] = {0};
            for (; i < end; i++)
                for (int64_t c = 0; c < columns; c++) total[c] = (int16_t)(total[c] + weight[rows[i] + begin + c]);
            for (int64_t c = 0; c < columns; c++) sums[begin + c] += total[c];
        }
    }
}
