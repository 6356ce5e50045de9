/* The integer spiking network, event by event: work is done only where a spike arrives.

   One window after the other goes through all layers, one time step after the other. Neurons lie channels last, each
   place padded to whole vectors of channels; padding has no weights and never fires. Sums are 16 bits where they cannot
   leave them, else 32; membranes are 32 bits where they cannot leave them, else 64 (`layout.py` proves which). Whole
   numbers, so any processor and any order give the same. */

#include <stdlib.h>
#include <string.h>

#include "network.h"

#ifndef SOURCE_DIGEST
#define SOURCE_DIGEST ""
#endif
const char *const edge_daemon_source = SOURCE_DIGEST; /* who loads the library sees whether it is of this source */

typedef struct {
    void *sums, *membrane;
    int32_t *currents;
    Events events;
} State;

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

/* Windows whose sums a table gives at a time. */
#define TOGETHER 8

static size_t rounded(size_t bytes) { return (bytes + 63) / 64 * 64; }

INLINE int run(const Network *n, const uint8_t *features, int64_t count, int64_t *membranes, int32_t *counts,
               int64_t *layer_spikes)
{
    const Layer *first = n->layer, *last = n->layer + n->layers - 1;
    int32_t width = n->frames + 2 * first->before;
    size_t picture_size = (size_t)(n->bands + 2 * first->above) * width;
    size_t taps = first->table ? 0 : (size_t)first->high * first->wide * first->padded;
    int64_t together = first->table ? (count < TOGETHER ? count : TOGETHER) : 1;
    size_t first_columns = n->by_frame ? (size_t)n->steps : (size_t)first->out_columns;
    size_t need = rounded(picture_size * 4 * together) + rounded(picture_size * 4) + rounded(taps * 4);
    for (int32_t i = 0; i < n->layers; i++) {
        const Layer *l = n->layer + i;
        size_t neurons = (size_t)l->out_rows * l->out_columns * l->padded;
        size_t currents = i ? neurons : l->out_rows * first_columns * l->padded;
        need += rounded((size_t)l->sum_rows * l->sum_columns * l->padded * 4 * (i ? 1 : together)) + rounded(neurons * 8);
        need += rounded(currents * 4) + rounded(((size_t)l->out_rows * l->out_columns + 1) * 4) + rounded(neurons * 4 + 32);
    }
    need += rounded(sizeof(State) * n->layers);
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
            edge_daemon_first_sums(first, picture, in_float, picture_size, width, weight, state[0].sums);
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
                } else if (i) {
                    edge_daemon_spike_sums(l, &state[i - 1].events, s->sums);
                    if (l->narrow) currents_of_shorts(l, s->sums, s->currents);
                    else currents_of_ints(l, s->sums, s->currents);
                } else if (n->by_frame) {
                    currents += (size_t)step * l->padded;
                    row_step = first_columns * l->padded;
                }
                int32_t spikes = edge_daemon_fire(l, s->membrane, currents, row_step, n->set, &s->events);
                layer_total[i] += spikes;
                if (l == last)
                    for (int32_t k = 0; k < spikes; k++) fired[s->events.rows[k]]++;
            }
        for (int32_t c = 0; c < last->channels; c++)
            membranes[window * last->channels + c] = last->wide_membrane
                ? ((int64_t *)state[n->layers - 1].membrane)[c]
                : ((int32_t *)state[n->layers - 1].membrane)[c];
    }
    free(memory);
    return 0;
}

#if WITH_AVX2
__attribute__((target("avx2")))
static int run_avx2(const Network *n, const uint8_t *features, int64_t count, int64_t *membranes, int32_t *counts,
                    int64_t *layer_spikes)
{
    return run(n, features, count, membranes, counts, layer_spikes);
}
#endif

/* Windows uint8 [count][bands][frames] in; out: the last layer's membranes int64 and spikes int32 [count][channels],
   spikes of each layer int64 [count][layers]. Returns 0, or 1 where memory is short. */
int edge_daemon_run(const Network *n, const uint8_t *features, int64_t count, int64_t *membranes, int32_t *counts,
                    int64_t *layer_spikes)
{
#if WITH_AVX2
    if (__builtin_cpu_supports("avx2")) return run_avx2(n, features, count, membranes, counts, layer_spikes);
#endif
    return run(n, features, count, membranes, counts, layer_spikes);
}
