/* The integer spiking network, event by event: work is done only where a spike arrives.

   One window after the other goes through all layers, one time step after the other. Neurons lie channels last, each
   place padded to whole vectors of channels; padding has no weights and never fires. A spike adds a row of weights to
   each place that it reaches; a vector of sums stays in registers while all spikes of one place are added. Sums are
   16 bits where they cannot leave them, else 32; membranes are 32 bits where products with the leak cannot leave them,
   else 64 (`layout.py` proves which). Whole numbers, so any processor and any order give the same. */

#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#ifndef SOURCE_DIGEST
#define SOURCE_DIGEST ""
#endif
const char *const edge_daemon_source = SOURCE_DIGEST; /* who loads the library sees whether it is of this source */

#define LANES 16
#define INLINE static inline __attribute__((always_inline))
#if defined(__x86_64__) && defined(__GLIBC__) && !defined(NO_CLONES)
#define FOR_EACH_PROCESSOR __attribute__((target_clones("avx2", "default")))
#else
#define FOR_EACH_PROCESSOR
#endif

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
    int32_t arriving;                     /* places from which spikes arrive */
    int32_t high, wide;                   /* of the kernel */
    int32_t row_step, column_step, above, before;
    int32_t sum_rows, sum_columns;        /* of sums that are used */
    int32_t max_rows, max_columns;        /* of the max-pool */
    int32_t out_rows, out_columns;        /* of neurons */
    int32_t shift, zero_reset, leaks;
    int32_t narrow, wide_membrane, whole; /* 16-bit sums; 64-bit membranes; the first layer's sums in whole numbers */
    const int16_t *weight;                /* [high][wide][channels that arrive][padded]; NULL where there is a table */
    const int8_t *table;                  /* of a large dense layer, [what arrives][channels]: `dense.c`; else NULL */
    const int32_t *column_sum;            /* of the first layer's table, [channels] */
    const int32_t *bias, *threshold, *leak; /* [padded] */
    /* where the spikes of a place go: first sum, and first weight, of each place that they reach */
    const int32_t *reach_begins, *reach_sum, *reach_weight; /* [arriving + 1], [n], [n] */
} Layer;

typedef struct {
    int32_t layers, steps, bands, frames;
    int32_t stem;                        /* 0 none, 1 band_mean, 2 band_median */
    int32_t by_frame;                    /* step t takes frame t of the first layer's current */
    const Layer *layer;
    const uint8_t *set;                  /* [256][8], the bits that are set in a byte, then any */
} Network;

/* Spikes of one layer in one step, place by place. */
typedef struct {
    int32_t *begins;                     /* [places + 1] */
    uint32_t *rows;                      /* where the weights of the spike's channel begin in the next layer's */
} Events;

typedef struct {
    void *sums, *membrane;
    int32_t *currents;
    Events events;
} State;

void edge_daemon_dense_sums(const int8_t *weight, const int32_t *column_sum, int64_t inputs, int64_t outputs,
                            int64_t padded, const int32_t *values, int64_t windows, int32_t *sums);
void edge_daemon_dense_events(const int8_t *weight, int64_t outputs, const uint32_t *rows, int32_t count, int32_t *sums);

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
        for (int32_t place = 0; place < l->arriving; place++) { \
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

/* Currents of sums: the greatest of each max-pool, with bias and shift. */
#define DEFINE_CURRENTS(NAME, TYPE) \
    INLINE void NAME(const Layer *l, const TYPE *restrict sums, int32_t *restrict currents) \
    { \
        int32_t padded = l->padded; \
        for (int32_t row = 0; row < l->out_rows; row++) \
            for (int32_t column = 0; column < l->out_columns; column++, currents += padded) { \
                const TYPE *first = sums + ((size_t)row * l->max_rows * l->sum_columns + column * l->max_columns) * padded; \
                for (int32_t c = 0; c < padded; c++) currents[c] = first[c]; \
                for (int32_t i = 0; i < l->max_rows; i++) \
                    for (int32_t j = i ? 0 : 1; j < l->max_columns; j++) { \
                        const TYPE *other = first + ((size_t)i * l->sum_columns + j) * padded; \
                        for (int32_t c = 0; c < padded; c++) \
                            currents[c] = other[c] > currents[c] ? other[c] : currents[c]; \
                    } \
                if (l->shift >= 0) \
                    for (int32_t c = 0; c < padded; c++) currents[c] = (currents[c] + l->bias[c]) * (1 << l->shift); \
                else \
                    for (int32_t c = 0; c < padded; c++) currents[c] = (currents[c] + l->bias[c]) >> -l->shift; \
            } \
    }

DEFINE_CURRENTS(currents_of_shorts, int16_t)
DEFINE_CURRENTS(currents_of_ints, int32_t)

/* One step of the neurons (model/neuron.py); writes their spikes as bytes. */
#define DEFINE_FIRE(NAME, TYPE) \
    INLINE void NAME(const Layer *l, TYPE *restrict membrane, const int32_t *restrict currents, size_t row_step, \
                     uint8_t *restrict spikes, const int leaks, const int zero) \
    { \
        int32_t padded = l->padded; \
        const int32_t *restrict threshold = l->threshold, *restrict leak = l->leak; \
        for (int32_t row = 0; row < l->out_rows; row++, currents += row_step) { \
            const int32_t *restrict current = currents; \
            for (int32_t column = 0; column < l->out_columns; column++) { \
                for (int32_t c = 0; c < padded; c++) { \
                    TYPE u = membrane[c], fired = u > threshold[c]; \
                    TYPE kept = zero ? (fired ? 0 : u) : u; \
                    if (leaks) kept = (leak[c] * kept) >> 8; \
                    TYPE after = kept + current[c] - (zero ? 0 : (fired ? (TYPE)threshold[c] : 0)); \
                    membrane[c] = after; \
                    spikes[c] = after > threshold[c]; \
                } \
                membrane += padded, current += padded, spikes += padded; \
            } \
        } \
    } \
    INLINE void NAME##_as(const Layer *l, TYPE *membrane, const int32_t *currents, size_t row_step, uint8_t *spikes) \
    { \
        if (l->zero_reset) \
            l->leaks ? NAME(l, membrane, currents, row_step, spikes, 1, 1) \
                     : NAME(l, membrane, currents, row_step, spikes, 0, 1); \
        else \
            l->leaks ? NAME(l, membrane, currents, row_step, spikes, 1, 0) \
                     : NAME(l, membrane, currents, row_step, spikes, 0, 0); \
    }

DEFINE_FIRE(fire_ints, int32_t)
DEFINE_FIRE(fire_longs, int64_t)

/* Lists the spikes, eight at a time: `set` says which of eight are set in a byte. */
INLINE int32_t collect(const uint8_t *spikes, const Layer *l, const uint8_t *set, uint32_t row, Events *events)
{
    int32_t count = 0;
    for (int32_t place = 0; place < l->out_rows * l->out_columns; place++) {
        events->begins[place] = count;
        for (int32_t c = 0; c < l->padded; c += 8, spikes += 8) {
            uint64_t eight;
            memcpy(&eight, spikes, 8);
            eight = (eight * 0x0102040810204080u) >> 56;
            for (int k = 0; k < 8; k++) events->rows[count + k] = (set[8 * eight + k] + c) * row;
            count += __builtin_popcountll(eight);
        }
    }
    events->begins[l->out_rows * l->out_columns] = count;
    return count;
}

/* Each band's own level is taken away; int32 [rows + 2 · above][columns + 2 · before], zeros around it. */
INLINE void prepare(const Network *n, const Layer *l, const uint8_t *features, int32_t *picture)
{
    int32_t width = n->frames + 2 * l->before;
    for (int32_t band = 0; band < n->bands; band++, features += n->frames) {
        int32_t level = 0;
        if (n->stem == 1) {
            for (int32_t i = 0; i < n->frames; i++) level += features[i];
            level = (level + n->frames / 2) / n->frames;
        } else if (n->stem == 2) {
            /* the highest level below which lie no more values than in front of the lower median */
            for (int32_t bit = 128; bit; bit >>= 1) {
                int32_t below = 0, tried = level | bit;
                for (int32_t i = 0; i < n->frames; i++) below += features[i] < tried;
                if (below <= (n->frames - 1) / 2) level = tried;
            }
        }
        int32_t *to = picture + (size_t)(band + l->above) * width + l->before;
        for (int32_t i = 0; i < n->frames; i++) to[i] = features[i] - level;
    }
}

/* The first layer's sums in float: exact, since they stay below 2^24. Four places share a load of weights. */
INLINE void first_sums_float(const Layer *l, const float *picture, int32_t width, const float *weight, int32_t *sums)
{
    int32_t padded = l->padded;
    for (int32_t row = 0; row < l->sum_rows; row++)
        for (int32_t column = 0; column < l->sum_columns; column += 4)
            for (int32_t block = 0; block < padded; block += LANES) {
                const float *at = picture + (size_t)row * l->row_step * width, *x[4];
                float_vector total[4][LANES / INTS] = {{{0}}};
                for (int k = 0; k < 4; k++) {
                    int32_t own = column + k < l->sum_columns ? column + k : l->sum_columns - 1;
                    x[k] = at + (size_t)own * l->column_step;
                }
                for (int32_t i = 0; i < l->high; i++)
                    for (int32_t j = 0; j < l->wide; j++) {
                        const float *w = weight + (size_t)(i * l->wide + j) * padded + block;
                        for (int k = 0; k < 4; k++)
                            for (int v = 0; v < LANES / INTS; v++)
                                total[k][v] += *(const float_vector *)(w + INTS * v) * x[k][i * width + j];
                    }
                for (int k = 0; k < 4 && column + k < l->sum_columns; k++) {
                    int32_t *to = sums + ((size_t)row * l->sum_columns + column + k) * padded + block;
                    for (int v = 0; v < LANES / INTS; v++)
                        *(int_vector *)(to + INTS * v) = __builtin_convertvector(total[k][v], int_vector);
                }
            }
}

INLINE void first_sums_whole(const Layer *l, const int32_t *picture, int32_t width, int32_t *sums)
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

/* Windows whose sums a table gives at a time. */
#define TOGETHER 8

static size_t rounded(size_t bytes) { return (bytes + 63) / 64 * 64; }

/* Windows uint8 [count][bands][frames] in; out: the last layer's membranes int64 and spikes int32 [count][channels],
   spikes of each layer int64 [count][layers]. Returns 0, or 1 where memory is short. */
FOR_EACH_PROCESSOR
int edge_daemon_run(const Network *n, const uint8_t *features, int64_t count, int64_t *membranes, int32_t *counts,
                    int64_t *layer_spikes)
{
    const Layer *first = n->layer, *last = n->layer + n->layers - 1;
    int32_t width = n->frames + 2 * first->before;
    size_t picture_size = (size_t)(n->bands + 2 * first->above) * width;
    size_t taps = first->table ? 0 : (size_t)first->high * first->wide * first->padded;
    int64_t together = first->table ? (count < TOGETHER ? count : TOGETHER) : 1;
    size_t first_columns = n->by_frame ? (size_t)n->steps : (size_t)first->out_columns;
    size_t need = rounded(picture_size * 4 * together) + rounded(picture_size * 4) + rounded(taps * 4), most = 0;
    for (int32_t i = 0; i < n->layers; i++) {
        const Layer *l = n->layer + i;
        size_t neurons = (size_t)l->out_rows * l->out_columns * l->padded;
        size_t currents = i ? neurons : l->out_rows * first_columns * l->padded;
        need += rounded((size_t)l->sum_rows * l->sum_columns * l->padded * 4 * (i ? 1 : together)) + rounded(neurons * 8);
        need += rounded(currents * 4) + rounded(((size_t)l->out_rows * l->out_columns + 1) * 4) + rounded(neurons * 4 + 32);
        most = neurons > most ? neurons : most;
    }
    need += rounded(most) + rounded(sizeof(State) * n->layers);
    char *memory = aligned_alloc(64, rounded(need)), *at = memory;
    if (!memory) return 1;
    State *state = (State *)at;
    at += rounded(sizeof(State) * n->layers);
    int32_t *picture = (int32_t *)at;
    at += rounded(picture_size * 4 * together);
    float *in_float = (float *)at;
    at += rounded(picture_size * 4);
    float *weight = (float *)at;
    at += rounded(taps * 4);
    uint8_t *spikes = (uint8_t *)at;
    at += rounded(most);
    for (int32_t i = 0; i < n->layers; i++) {
        const Layer *l = n->layer + i;
        size_t neurons = (size_t)l->out_rows * l->out_columns * l->padded;
        size_t currents = i ? neurons : l->out_rows * first_columns * l->padded;
        state[i].sums = at, at += rounded((size_t)l->sum_rows * l->sum_columns * l->padded * 4 * (i ? 1 : together));
        state[i].membrane = at, at += rounded(neurons * 8);
        state[i].currents = (int32_t *)at, at += rounded(currents * 4);
        state[i].events.begins = (int32_t *)at, at += rounded(((size_t)l->out_rows * l->out_columns + 1) * 4);
        state[i].events.rows = (uint32_t *)at, at += rounded(neurons * 4 + 32);
    }
    memset(picture, 0, picture_size * 4);
    for (size_t i = 0; i < taps; i++) weight[i] = first->weight[i];
    Layer whole_first = *first;          /* all frames of the current at once */
    whole_first.out_columns = (int32_t)first_columns;

    for (int64_t window = 0; window < count; window++) {
        const int32_t *sums = state[0].sums;
        const uint8_t *heard = features + (size_t)window * n->bands * n->frames;
        if (first->table) {
            int64_t now = count - window < together ? count - window : together;
            if (window % together == 0) {
                for (int64_t i = 0; i < now; i++)
                    prepare(n, first, heard + (size_t)i * picture_size, picture + (size_t)i * picture_size);
                edge_daemon_dense_sums(first->table, first->column_sum, (int64_t)picture_size, first->channels,
                                       first->padded, picture, now, state[0].sums);
            }
            sums += window % together * first->padded;
        } else {
            prepare(n, first, heard, picture);
            if (first->whole) {
                first_sums_whole(first, picture, width, state[0].sums);
            } else {
                for (size_t i = 0; i < picture_size; i++) in_float[i] = (float)picture[i];
                first_sums_float(first, in_float, width, weight, state[0].sums);
            }
        }
        currents_of_ints(&whole_first, sums, state[0].currents);
        int64_t *layer_total = layer_spikes + window * n->layers;
        int32_t *fired = counts + window * last->channels;
        memset(layer_total, 0, sizeof(int64_t) * n->layers);
        memset(fired, 0, sizeof(int32_t) * last->channels);
        for (int32_t i = 0; i < n->layers; i++) {
            const Layer *l = n->layer + i;
            memset(state[i].membrane, 0, (size_t)l->out_rows * l->out_columns * l->padded * 8);
        }
        for (int32_t step = 0; step < n->steps; step++)
            for (int32_t i = 0; i < n->layers; i++) {
                const Layer *l = n->layer + i;
                State *s = state + i;
                const int32_t *currents = s->currents;
                size_t row_step = (size_t)l->out_columns * l->padded;
                if (i && l->table) {
                    const Events *from = &state[i - 1].events;
                    edge_daemon_dense_events(l->table, l->channels, from->rows, from->begins[1], s->sums);
                    currents_of_ints(l, s->sums, s->currents);
                } else if (i && l->narrow) {
                    arrive_shorts(l, &state[i - 1].events, s->sums);
                    currents_of_shorts(l, s->sums, s->currents);
                } else if (i) {
                    arrive_ints(l, &state[i - 1].events, s->sums);
                    currents_of_ints(l, s->sums, s->currents);
                } else if (n->by_frame) {
                    currents += (size_t)step * l->padded;
                    row_step = first_columns * l->padded;
                }
                if (l->wide_membrane) fire_longs_as(l, s->membrane, currents, row_step, spikes);
                else fire_ints_as(l, s->membrane, currents, row_step, spikes);
                layer_total[i] += collect(spikes, l, n->set, l == last ? 1 : l[1].table ? l[1].channels : l[1].padded, &s->events);
                if (l == last)
                    for (int32_t c = 0; c < l->channels; c++) fired[c] += spikes[c];
            }
        for (int32_t c = 0; c < last->channels; c++)
            membranes[window * last->channels + c] = last->wide_membrane
                ? ((int64_t *)state[n->layers - 1].membrane)[c]
                : ((int32_t *)state[n->layers - 1].membrane)[c];
    }
    free(memory);
    return 0;
}
