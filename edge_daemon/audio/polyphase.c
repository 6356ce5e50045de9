/* Resampling as `filter_design.py` lays it out: a short filter that keeps every so-many-th sample, and a sharp one with a
   set of taps for each output of a period. The same sums as the products of matrices in `polyphase_filter.py`; with
   sound of whole numbers they are exact in any order, so the bits are the same, too. */

#include <stdint.h>
#include <string.h>

#define INLINE static inline __attribute__((always_inline))
#if defined(__x86_64__) && !defined(PLAIN)
#define WITH_FMA 1
#else
#define WITH_FMA 0
#endif

#define LANES 8 /* sums that run side by side: taps are padded to so many with zeros, and so are the samples under them */
#define AT_ONCE 4 /* rows */
#define CLOSE 2   /* samples from row to row */
#define CLOSE_AT_ONCE 8
#define EDGE (2 * LANES) /* zeros on both sides of the second filter's taps */
/* Doubles in a vector: what is larger than the processor's own lives in memory, not in registers. */
#ifdef __aarch64__
#define WIDE 2
#else
#define WIDE 4
#endif
#define PARTS (LANES / WIDE)
typedef double vector __attribute__((vector_size(8 * WIDE), aligned(8), may_alias));

/* As `compiled_filter._Filters` has it. A stage's samples lie in memory of its own: first those kept from before, then
   the next ones, then LANES zeros. */
typedef struct {
    int64_t down, up;      /* source samples and outputs of a period */
    int64_t periods;       /* for which there is memory */
    int64_t step;          /* source samples that become one; 1: no first filter */
    int64_t kept, taps;    /* of the first filter: samples kept from before; taps, padded */
    int64_t kept2, taps2;  /* of the second one */
    const double *first;   /* [taps] */
    const double *second;  /* [up][EDGE + taps2 + EDGE] */
    double unit;           /* of what lies between the filters */
    /* samples of both stages: [kept + periods · down + LANES], [kept2 + periods · down / step + LANES] */
    double *wide, *low;
    double *sums;          /* [periods · up] */
} Filters;

INLINE double sum(const vector *part)
{
    double total = 0;
    for (int one = 0; one < LANES; one++)
        total += part[one / WIDE][one % WIDE];
    return total;
}

/* Round to whole numbers, ties to even; from 2^51 on they are whole for what is wanted here. */
INLINE double whole(double x)
{
    const double shift = 6755399441055744.0; /* 1.5 · 2^52 */
    return x < 2251799813685248.0 && x > -2251799813685248.0 ? (x + shift) - shift : x;
}

/* Sums of `count` taps with samples that begin `advance` apart: out[row · apart]. */
INLINE void filter(const double *x, int64_t rows, int64_t advance, const double *taps, int64_t count, double *out,
                   int64_t apart)
{
    int64_t row = 0;
    for (; row + AT_ONCE <= rows; row += AT_ONCE) {
        vector total[AT_ONCE][PARTS] = {{{0}}};
        const double *at = x + row * advance;
        for (int64_t tap = 0; tap < count; tap += LANES)
            for (int part = 0; part < PARTS; part++) {
                const vector weight = *(const vector *)(taps + tap + part * WIDE);
                for (int one = 0; one < AT_ONCE; one++)
                    total[one][part] += weight * *(const vector *)(at + one * advance + tap + part * WIDE);
            }
        for (int one = 0; one < AT_ONCE; one++)
            out[(row + one) * apart] = sum(total[one]);
    }
    for (; row < rows; row++) {
        vector total[PARTS] = {{0}};
        for (int64_t tap = 0; tap < count; tap += WIDE)
            total[tap / WIDE % PARTS] += *(const vector *)(taps + tap) * *(const vector *)(x + row * advance + tap);
        out[row * apart] = sum(total);
    }
}

/* The same for rows that begin two samples apart: what is read of the sound serves several of them, each with other taps. */
INLINE void filter_close(const double *x, int64_t rows, const double *taps, int64_t count, double *out, int64_t apart)
{
    enum { BESIDE = WIDE / CLOSE, BEHIND = CLOSE_AT_ONCE / BESIDE };
    int64_t row = 0;
    for (; row + CLOSE_AT_ONCE <= rows; row += CLOSE_AT_ONCE) {
        vector total[BEHIND][BESIDE] = {{{0}}};
        const double *at = x + row * CLOSE;
        for (int64_t tap = 0; tap < count + (BEHIND - 1) * WIDE; tap += WIDE)
            for (int behind = 0; behind < BEHIND; behind++) {
                const vector weight = *(const vector *)(taps + tap - behind * WIDE);
                for (int beside = 0; beside < BESIDE; beside++)
                    total[behind][beside] += weight * *(const vector *)(at + tap + beside * CLOSE);
            }
        for (int one = 0; one < CLOSE_AT_ONCE; one++) {
            const vector all = total[one / BESIDE][one % BESIDE];
            double together = 0;
            for (int lane = 0; lane < WIDE; lane++)
                together += all[lane];
            out[(row + one) * apart] = together;
        }
    }
    filter(x + row * CLOSE, rows - row, CLOSE, taps, count, out + row * apart, apart);
}

/* Whether this processor has the vectors for it: without them, products of matrices are faster. */
int edge_daemon_resamples_fast(void)
{
#if defined(__aarch64__) || defined(__FMA__)
    return 1;
#elif WITH_FMA
    return __builtin_cpu_supports("fma") != 0;
#else
    return 0;
#endif
}

INLINE void resample(const Filters *f, const float *samples, int64_t periods, float *out)
{
    const int64_t lows = f->down / f->step;
    while (periods > 0) {
        const int64_t some = periods < f->periods ? periods : f->periods;
        double *low = f->low + f->kept2;
        if (f->step > 1) {
            double *wide = f->wide + f->kept;
            for (int64_t i = 0; i < some * f->down; i++)
                wide[i] = samples[i];
            memset(wide + some * f->down, 0, LANES * sizeof *wide);
            filter(f->wide, some * lows, f->step, f->first, f->taps, low, 1);
            memmove(f->wide, f->wide + some * f->down, (size_t)f->kept * sizeof *wide);
            for (int64_t i = 0; i < some * lows; i++)
                low[i] = whole(low[i]);
        } else {
            for (int64_t i = 0; i < some * lows; i++)
                low[i] = whole(samples[i] / f->unit);
        }
        memset(low + some * lows, 0, LANES * sizeof *low);
        for (int64_t output = 0; output < f->up; output++) {
            const double *taps = f->second + output * (f->taps2 + 2 * EDGE) + EDGE;
            if (lows == CLOSE)
                filter_close(f->low, some, taps, f->taps2, f->sums + output, f->up);
            else
                filter(f->low, some, lows, taps, f->taps2, f->sums + output, f->up);
        }
        memmove(f->low, f->low + some * lows, (size_t)f->kept2 * sizeof *low);
        for (int64_t i = 0; i < some * f->up; i++)
            out[i] = (float)f->sums[i];
        samples += some * f->down;
        out += some * f->up;
        periods -= some;
    }
}

#if WITH_FMA
__attribute__((target("fma")))
static void resample_fma(const Filters *f, const float *samples, int64_t periods, float *out)
{
    resample(f, samples, periods, out);
}
#endif

/* The next periods: samples float32 [periods · down], out float32 [periods · up]. What is kept lies in the stages' memory. */
void edge_daemon_resample(const Filters *f, const float *samples, int64_t periods, float *out)
{
#if WITH_FMA
    if (__builtin_cpu_supports("fma")) {
        resample_fma(f, samples, periods, out);
        return;
    }
#endif
    resample(f, samples, periods, out);
}
