/* The first layer of convolution: its sums of the picture, once for all steps. */

#include <string.h>

#include "network.h"

/* In float: exact, since they stay below 2^24. Some places share a load of weights. */
#define DEFINE_SUMS(NAME, TARGET, FLOATS, WHOLES, WIDTH, PLACES) \
    TARGET static void NAME(const Layer *l, const float *picture, int32_t width, const float *weight, int32_t *sums) \
    { \
        int32_t padded = l->padded; \
        for (int32_t row = 0; row < l->sum_rows; row++) \
            for (int32_t column = 0; column < l->sum_columns; column += PLACES) \
                for (int32_t block = 0; block < padded; block += LANES) { \
                    const float *at = picture + (size_t)row * l->row_step * width, *x[PLACES]; \
                    FLOATS total[PLACES][LANES / WIDTH] = {{{0}}}; \
                    for (int k = 0; k < PLACES; k++) { \
                        int32_t own = column + k < l->sum_columns ? column + k : l->sum_columns - 1; \
                        x[k] = at + (size_t)own * l->column_step; \
                    } \
                    for (int32_t i = 0; i < l->high; i++) \
                        for (int32_t j = 0; j < l->wide; j++) { \
                            const float *w = weight + (size_t)(i * l->wide + j) * padded + block; \
                            for (int k = 0; k < PLACES; k++) \
                                for (int v = 0; v < LANES / WIDTH; v++) \
                                    total[k][v] += *(const FLOATS *)(w + WIDTH * v) * x[k][i * width + j]; \
                        } \
                    for (int k = 0; k < PLACES && column + k < l->sum_columns; k++) { \
                        int32_t *to = sums + ((size_t)row * l->sum_columns + column + k) * padded + block; \
                        for (int v = 0; v < LANES / WIDTH; v++) \
                            *(WHOLES *)(to + WIDTH * v) = __builtin_convertvector(total[k][v], WHOLES); \
                    } \
                } \
    }

DEFINE_SUMS(sums_in_float, , float_vector, int_vector, INTS, 4)
#if WITH_AVX2
DEFINE_SUMS(sums_in_float_fma, __attribute__((target("avx2,fma"))), float_vector, int_vector, INTS, 4)
#endif
#if WITH_AVX512
typedef float sixteen_floats __attribute__((vector_size(64), aligned(4), may_alias));
typedef int32_t sixteen_ints __attribute__((vector_size(64), aligned(4), may_alias));
DEFINE_SUMS(sums_in_float_avx512, __attribute__((target("avx512f"))), sixteen_floats, sixteen_ints, 16, 8)
#endif

static void sums_in_whole_numbers(const Layer *l, const int32_t *picture, int32_t width, int32_t *sums)
{
    int32_t padded = l->padded;
    memset(sums, 0, sizeof(int32_t) * (size_t)l->sum_rows * l->sum_columns * padded);
    for (int32_t row = 0; row < l->sum_rows; row++)
        for (int32_t column = 0; column < l->sum_columns; column++) {
            int32_t *restrict to = sums + ((size_t)row * l->sum_columns + column) * padded;
            for (int32_t i = 0; i < l->high; i++)
                for (int32_t j = 0; j < l->wide; j++) {
                    int32_t value = picture[(size_t)(row * l->row_step + i) * width + column * l->column_step + j];
                    const int16_t *restrict w = l->weight + (size_t)(i * l->wide + j) * padded;
                    if (value)
                        for (int32_t c = 0; c < padded; c++) to[c] += value * w[c];
                }
        }
}

/* Picture int32 [bands + 2 · above][width], zeros around it, and as float, as is the weight; sums int32
   [sum_rows][sum_columns][padded]. */
void edge_daemon_first_sums(const Layer *l, const int32_t *picture, float *in_float, size_t size, int32_t width,
                       const float *weight, int32_t *sums)
{
    if (l->whole) {
        sums_in_whole_numbers(l, picture, width, sums);
        return;
    }
    for (size_t i = 0; i < size; i++) in_float[i] = (float)picture[i];
#if WITH_AVX512
    if (__builtin_cpu_supports("avx512f")) {
        sums_in_float_avx512(l, in_float, width, weight, sums);
        return;
    }
#endif
#if WITH_AVX2
    if (__builtin_cpu_supports("avx2") && __builtin_cpu_supports("fma")) {
        sums_in_float_fma(l, in_float, width, weight, sums);
        return;
    }
#endif
    sums_in_float(l, in_float, width, weight, sums);
}
