/* What the spikes of the layer before give a layer of convolution or a small dense one: sums, before bias and max-pool.

   A spike adds a row of weights to each sum that it reaches; vectors of sums stay in registers while many are added. */

#include <string.h>

#include "network.h"

/* A kernel three high that moves by one: column after column of sums. The spikes that reach a column from one row lie
   together, for their rows of weights know the columns from which they come; each adds to three sums, one above the
   other, of which the highest is then complete. So no sum is read, and each is written once. */
#define DEFINE_SWEEP(NAME, TARGET, VECTORS, WIDTH) \
    TARGET INLINE void NAME(const Layer *l, const Events *from, int16_t *sums, int32_t block, const int n) \
    { \
        const int32_t columns = l->arriving_columns, step = l->arriving_channels * l->padded; \
        const size_t row = (size_t)l->sum_columns * l->padded; \
        sums += block; \
        for (int32_t column = 0; column < l->sum_columns; column++, sums += l->padded) { \
            int32_t first = column - l->before, end = first + l->wide; \
            const int16_t *upper = l->weight + block - (ptrdiff_t)first * step; \
            const int16_t *middle = upper + (size_t)l->wide * step, *lower = middle + (size_t)l->wide * step; \
            first = first > 0 ? (first < columns ? first : columns) : 0; \
            end = end < columns ? (end > first ? end : first) : columns; \
            VECTORS above[4 * LANES / WIDTH], here[4 * LANES / WIDTH], below[4 * LANES / WIDTH]; \
            for (int v = 0; v < n; v++) here[v] = below[v] = (VECTORS){0}; \
            for (int32_t r = 0, to = l->above - 2; r < l->arriving_rows + 2; r++, to++) { \
                for (int v = 0; v < n; v++) above[v] = here[v], here[v] = below[v], below[v] = (VECTORS){0}; \
                if (r < l->arriving_rows) { \
                    const int32_t *begins = from->begins + (size_t)r * columns; \
                    const uint32_t *event = from->rows + begins[first], *last = from->rows + begins[end]; \
                    for (; event < last; event++) { \
                        const size_t at = *event; \
                        for (int v = 0; v < n; v++) below[v] += *(const VECTORS *)(upper + at + WIDTH * v); \
                        for (int v = 0; v < n; v++) here[v] += *(const VECTORS *)(middle + at + WIDTH * v); \
                        for (int v = 0; v < n; v++) above[v] += *(const VECTORS *)(lower + at + WIDTH * v); \
                    } \
                } \
                if (to >= 0 && to < l->sum_rows) \
                    for (int v = 0; v < n; v++) *(VECTORS *)(sums + (size_t)to * row + WIDTH * v) = above[v]; \
            } \
        } \
    }

DEFINE_SWEEP(sweep_block, , short_vector, SHORTS)

INLINE void sweep(const Layer *l, const Events *from, int16_t *sums)
{
    for (int32_t block = 0; block < l->padded; block += 4 * LANES) {
        int32_t left = (l->padded - block) / LANES;
        if (left == 1) sweep_block(l, from, sums, block, LANES / SHORTS);
        else if (left == 2) sweep_block(l, from, sums, block, 2 * (LANES / SHORTS));
        else if (left == 3) sweep_block(l, from, sums, block, 3 * (LANES / SHORTS));
        else sweep_block(l, from, sums, block, 4 * (LANES / SHORTS));
    }
}

#if WITH_AVX512
#define AVX512 __attribute__((target("avx512bw,avx512vl")))
typedef int16_t wide_vector __attribute__((vector_size(64), aligned(2), may_alias));
DEFINE_SWEEP(sweep_short, AVX512, short_vector, SHORTS)
DEFINE_SWEEP(sweep_wide, AVX512, wide_vector, 32)

AVX512
static void sweep_avx512(const Layer *l, const Events *from, int16_t *sums)
{
    for (int32_t block = 0; block < l->padded; block += 4 * LANES) {
        int32_t left = (l->padded - block) / LANES;
        if (left == 1) sweep_short(l, from, sums, block, 1);
        else if (left == 2) sweep_wide(l, from, sums, block, 1);
        else if (left == 3) sweep_short(l, from, sums, block, 3);
        else sweep_wide(l, from, sums, block, 2);
    }
}
#endif

/* Adds the weights of the channels that have fired to the sums of `many` places, `n` vectors of channels of each. */
#define DEFINE_ADD(NAME, TYPE, SUMS, WEIGHTS, WIDTH) \
    INLINE void NAME##_block(TYPE *const *sums, const int16_t *const *weight, const uint32_t *rows, int32_t count, \
                             const int many, const int n) \
    { \
        SUMS total[3][4 * LANES / WIDTH]; \
        for (int k = 0; k < many; k++) \
            for (int v = 0; v < n; v++) total[k][v] = *(const SUMS *)(sums[k] + WIDTH * v); \
        for (int32_t i = 0; i < count; i++) \
            for (int k = 0; k < many; k++) \
                for (int v = 0; v < n; v++) \
                    total[k][v] += \
                        __builtin_convertvector(*(const WEIGHTS *)(weight[k] + rows[i] + WIDTH * v), SUMS); \
        for (int k = 0; k < many; k++) \
            for (int v = 0; v < n; v++) *(SUMS *)(sums[k] + WIDTH * v) = total[k][v]; \
    } \
    INLINE void NAME(const Layer *l, TYPE *sums, int32_t reach, const uint32_t *rows, int32_t count, const int many) \
    { \
        for (int32_t block = 0; block < l->padded; block += 4 * LANES) { \
            TYPE *to[3]; \
            const int16_t *weight[3]; \
            for (int k = 0; k < many; k++) { \
                to[k] = sums + l->reach_sum[reach + k] + block; \
                weight[k] = l->weight + l->reach_weight[reach + k] + block; \
            } \
            int32_t left = (l->padded - block) / LANES; \
            if (left == 1) NAME##_block(to, weight, rows, count, many, LANES / WIDTH); \
            else if (left == 2) NAME##_block(to, weight, rows, count, many, 2 * (LANES / WIDTH)); \
            else if (left == 3) NAME##_block(to, weight, rows, count, many, 3 * (LANES / WIDTH)); \
            else NAME##_block(to, weight, rows, count, many, 4 * (LANES / WIDTH)); \
        } \
    }

DEFINE_ADD(add_shorts, int16_t, short_vector, short_vector, SHORTS)
DEFINE_ADD(add_ints, int32_t, int_vector, half_vector, INTS)

/* What spikes of the layer before give, before bias, shift and max-pool. A place reaches each sum once. */
#define DEFINE_ARRIVE(NAME, TYPE, ADD, MANY) \
    INLINE void NAME(const Layer *l, const Events *from, TYPE *sums) \
    { \
        memset(sums, 0, sizeof(TYPE) * (size_t)l->sum_rows * l->sum_columns * l->padded); \
        for (int32_t place = 0; place < l->arriving_rows * l->arriving_columns; place++) { \
            int32_t count = from->begins[place + 1] - from->begins[place]; \
            if (!count) continue; \
            const uint32_t *rows = from->rows + from->begins[place]; \
            int32_t reach = l->reach_begins[place], end = l->reach_begins[place + 1]; \
            for (; reach + MANY <= end; reach += MANY) ADD(l, sums, reach, rows, count, MANY); \
            for (; reach < end; reach++) ADD(l, sums, reach, rows, count, 1); \
        } \
    }

DEFINE_ARRIVE(arrive_shorts, int16_t, add_shorts, 3)
DEFINE_ARRIVE(arrive_ints, int32_t, add_ints, 1)

INLINE void spread(const Layer *l, const Events *from, void *sums)
{
    if (l->sweeps) sweep(l, from, sums);
    else if (l->narrow) arrive_shorts(l, from, sums);
    else arrive_ints(l, from, sums);
}

#if WITH_AVX2
__attribute__((target("avx2")))
static void spread_avx2(const Layer *l, const Events *from, void *sums) { spread(l, from, sums); }
#endif

/* Sums int16 [sum_rows][sum_columns][padded], or int32 where the layer is not narrow. */
void edge_daemon_spike_sums(const Layer *l, const Events *from, void *sums)
{
#if WITH_AVX512
    if (l->sweeps && __builtin_cpu_supports("avx512bw") && __builtin_cpu_supports("avx512vl")) {
        sweep_avx512(l, from, sums);
        return;
    }
#endif
#if WITH_AVX2
    if (__builtin_cpu_supports("avx2")) {
        spread_avx2(l, from, sums);
        return;
    }
#endif
    spread(l, from, sums);
}
