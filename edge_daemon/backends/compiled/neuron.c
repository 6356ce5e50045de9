/* One step of a layer's neurons (`model/neuron.py`) in one pass: membranes, spikes, and the list of these. */

#include "network.h"

#if WITH_AVX2
#include <immintrin.h>
#endif
#ifdef __aarch64__
#include <arm_neon.h>
#endif

typedef uint32_t eight_rows __attribute__((vector_size(32), aligned(4), may_alias));

/* A bit for each of eight neurons that fired, from vectors whose lanes have all bits set or none. */
INLINE uint32_t bits_of(const int_vector *fired)
{
#ifdef __aarch64__
    const int_vector weights[2] = {{1, 2, 4, 8}, {16, 32, 64, 128}};
    return (uint32_t)vaddvq_s32((int32x4_t)((fired[0] & weights[0]) | (fired[1] & weights[1])));
#else
    uint32_t bits = 0;
    for (int k = 0; k < 8; k++) bits |= (uint32_t)fired[k / INTS][k % INTS] & 1u << k;
    return bits;
#endif
}

#if WITH_AVX2
__attribute__((target("avx2")))
INLINE uint32_t bits_of_avx2(const int_vector *fired) { return (uint32_t)_mm256_movemask_ps((__m256)fired[0]); }
#endif

/* Eight neurons, channels side by side. Where a membrane's product with its leak needs more than 32 bits (`leaks` 2), its
   low 8 bits are multiplied for themselves: nothing is lost. */
#define DEFINE_INTS(NAME, TARGET, BITS) \
    TARGET INLINE uint32_t NAME(int32_t *membrane, const int32_t *current, const int32_t *threshold, const int32_t *leak, \
                                const int leaks, const int zero) \
    { \
        int_vector fires[8 / INTS]; \
        for (int v = 0; v < 8 / INTS; v++) { \
            int_vector u = *(int_vector *)(membrane + INTS * v), limit = *(const int_vector *)(threshold + INTS * v); \
            int_vector fired = u > limit, kept = u; \
            if (zero) kept &= ~fired; \
            if (leaks) { \
                int_vector share = *(const int_vector *)(leak + INTS * v); \
                kept = leaks > 1 ? share * (kept >> 8) + ((share * (kept & 255)) >> 8) : (share * kept) >> 8; \
            } \
            int_vector after = kept + *(const int_vector *)(current + INTS * v); \
            if (!zero) after -= fired & limit; \
            *(int_vector *)(membrane + INTS * v) = after; \
            fires[v] = after > limit; \
        } \
        return BITS(fires); \
    }

/* The same with membranes of 64 bits. */
#define DEFINE_LONGS(NAME, TARGET) \
    TARGET INLINE uint32_t NAME(int64_t *membrane, const int32_t *current, const int32_t *threshold, const int32_t *leak, \
                                const int leaks, const int zero) \
    { \
        uint32_t bits = 0; \
        for (int k = 0; k < 8; k++) { \
            int64_t u = membrane[k], fired = u > threshold[k], kept = zero && fired ? 0 : u; \
            if (leaks) kept = (leak[k] * kept) >> 8; \
            membrane[k] = kept + current[k] - (!zero && fired ? threshold[k] : 0); \
            bits |= (uint32_t)(membrane[k] > threshold[k]) << k; \
        } \
        return bits; \
    }

/* All neurons, place by place; `set` says which of eight are set in a byte. */
#define DEFINE_LAYER(NAME, TARGET, TYPE, FIRE) \
    TARGET INLINE int32_t NAME(const Layer *l, TYPE *membrane, const int32_t *currents, size_t row_step, \
                               const uint32_t *set, const Events *events, const int leaks, const int zero) \
    { \
        const uint32_t step = (uint32_t)l->event_row; \
        int32_t count = 0, *begins = events->begins; \
        for (int32_t row = 0; row < l->out_rows; row++, currents += row_step) { \
            const int32_t *current = currents; \
            for (int32_t column = 0; column < l->out_columns; column++) { \
                *begins++ = count; \
                for (int32_t c = 0; c < l->padded; c += 8, membrane += 8, current += 8) { \
                    uint32_t bits = FIRE(membrane, current, l->threshold + c, l->leak + c, leaks, zero); \
                    const uint32_t first = (uint32_t)(column * l->event_column + c * l->event_row); \
                    *(eight_rows *)(events->rows + count) = *(const eight_rows *)(set + 8 * bits) * step + first; \
                    count += __builtin_popcount(bits); \
                } \
            } \
        } \
        *begins = count; \
        return count; \
    }

#define AS(LEAKS, WAY) \
    (l->zero_reset ? layer_ints_##WAY(l, membrane, currents, row_step, set, events, LEAKS, 1) \
                   : layer_ints_##WAY(l, membrane, currents, row_step, set, events, LEAKS, 0))

#define DEFINE_WAY(WAY, TARGET, BITS) \
    DEFINE_INTS(fire_ints_##WAY, TARGET, BITS) \
    DEFINE_LONGS(fire_longs_##WAY, TARGET) \
    DEFINE_LAYER(layer_ints_##WAY, TARGET, int32_t, fire_ints_##WAY) \
    DEFINE_LAYER(layer_longs_##WAY, TARGET, int64_t, fire_longs_##WAY) \
    TARGET static int32_t fire_##WAY(const Layer *l, void *membrane, const int32_t *currents, size_t row_step, \
                                     const uint32_t *set, const Events *events) \
    { \
        if (l->wide_membrane) return layer_longs_##WAY(l, membrane, currents, row_step, set, events, l->leaks, l->zero_reset); \
        return l->leaks == 1 ? AS(1, WAY) : l->leaks ? AS(2, WAY) : AS(0, WAY); \
    }

DEFINE_WAY(plain, , bits_of)
#if WITH_AVX2
DEFINE_WAY(avx2, __attribute__((target("avx2,popcnt"))), bits_of_avx2)
#endif

/* Membranes int32 or int64 [out_rows][out_columns][padded], changed; currents int32, `row_step` from row to row. The list
   has room for eight events more. Returns how many there are. */
int32_t edge_daemon_fire(const Layer *l, void *membrane, const int32_t *currents, size_t row_step, const uint32_t *set,
                         const Events *events)
{
#if WITH_AVX2
    if (__builtin_cpu_supports("avx2")) return fire_avx2(l, membrane, currents, row_step, set, events);
#endif
    return fire_plain(l, membrane, currents, row_step, set, events);
}
