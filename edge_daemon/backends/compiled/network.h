/* A network as the kernel's parts share it, the vectors that they compute with, and what they do for one another. */

#ifndef EDGE_DAEMON_NETWORK_H
#define EDGE_DAEMON_NETWORK_H

#include <stddef.h>
#include <stdint.h>

/* Beside what every processor of its kind has, this one may have more; tests and benchmarks do without. */
#if defined(__x86_64__) && !defined(PLAIN)
#define WITH_AVX2 1
#else
#define WITH_AVX2 0
#endif
#ifdef NO_AVX512
#define WITH_AVX512 0
#else
#define WITH_AVX512 WITH_AVX2
#endif

#define LANES 16
#define INLINE static inline __attribute__((always_inline))

/* Bytes of a vector: what is larger than the processor's own lives in memory, not in registers. */
#ifdef __aarch64__
#define VECTOR 16
#else
#define VECTOR 32
#endif
#define SHORTS (VECTOR / 2)
#define INTS (VECTOR / 4)
typedef int16_t short_vector __attribute__((vector_size(VECTOR), aligned(2), may_alias));
typedef int16_t half_vector __attribute__((vector_size(VECTOR / 2), aligned(2), may_alias));
typedef int32_t int_vector __attribute__((vector_size(VECTOR), aligned(4), may_alias));
typedef float float_vector __attribute__((vector_size(VECTOR), aligned(4), may_alias));

/* As `layout.LayerLayout` has it. */
typedef struct {
    int32_t channels, padded;             /* neurons' channels; rounded up to whole vectors */
    int32_t arriving_channels, arriving_rows, arriving_columns; /* of what spikes arrive from */
    int32_t high, wide;                   /* of the kernel */
    int32_t row_step, column_step, above, before;
    int32_t sum_rows, sum_columns;        /* of sums that are used */
    int32_t max_rows, max_columns;        /* of the max-pool */
    int32_t out_rows, out_columns;        /* of neurons */
    int32_t event_row, event_column;      /* by how much an event of these neurons grows with a channel, with a column */
    int32_t shift, zero_reset;
    int32_t leaks;                        /* 0 not at all, 1 with products in 32 bits, 2 with larger ones */
    int32_t narrow, wide_membrane, whole; /* 16-bit sums; 64-bit membranes; the first layer's sums in whole numbers */
    int32_t sweeps;                       /* a kernel three high that moves by one: column after column */
    const int16_t *weight;                /* [high][wide][channels that arrive][padded]; NULL where there is a table */
    const int8_t *table;                  /* of a large dense layer, [what arrives][channels]: `dense.c`; else NULL */
    const int32_t *column_sum;            /* of the first layer's table, [channels] */
    const int32_t *bias, *threshold, *leak; /* [padded] */
    /* where the spikes of a place go: first sum, and first weight, of each place that they reach; not if it sweeps */
    const int32_t *reach_begins, *reach_sum, *reach_weight; /* [arriving places + 1], [n], [n] */
} Layer;

typedef struct {
    int32_t layers, steps, bands, frames;
    int32_t stem;                        /* 0 none, 1 band_mean, 2 band_median */
    int32_t by_frame;                    /* step t takes frame t of the first layer's current */
    const Layer *layer;
    const uint32_t *set;                  /* [256][8], the bits that are set in a byte, then any */
} Network;

/* Spikes of one layer in one step, place by place, row by row. */
typedef struct {
    int32_t *begins;                     /* [places + 1] */
    uint32_t *rows;                      /* where the spike's weights begin in the next layer's: `event_row`, `event_column` */
} Events;

void edge_daemon_first_sums(const Layer *l, const int32_t *picture, float *in_float, size_t size, int32_t width,
                            const float *weight, int32_t *sums);
void edge_daemon_spike_sums(const Layer *l, const Events *from, void *sums);
void edge_daemon_dense_sums(const int8_t *weight, const int32_t *column_sum, int64_t inputs, int64_t outputs,
                            int64_t padded, const int32_t *values, int64_t windows, int32_t *sums);
void edge_daemon_dense_events(const int8_t *weight, int64_t outputs, const uint32_t *rows, int32_t count, int32_t *sums);
int32_t edge_daemon_fire(const Layer *l, void *membrane, const int32_t *currents, size_t row_step, const uint32_t *set,
                         const Events *events);

#endif
