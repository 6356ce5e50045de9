/* Samples of 24 bits, little end first, as floating-point numbers: all of them are exact. */

#include <stdint.h>
#include <string.h>

typedef uint8_t bytes_vector __attribute__((vector_size(16)));
typedef int32_t int_vector __attribute__((vector_size(16)));
typedef float float_vector __attribute__((vector_size(16)));
#ifdef __clang__
#define SPREAD(v, zero) __builtin_shufflevector(v, zero, 16, 0, 1, 2, 16, 3, 4, 5, 16, 6, 7, 8, 16, 9, 10, 11)
#else
#define SPREAD(v, zero) \
    __builtin_shuffle(v, zero, (bytes_vector){16, 0, 1, 2, 16, 3, 4, 5, 16, 6, 7, 8, 16, 9, 10, 11})
#endif

static inline __attribute__((always_inline)) void decode(const uint8_t *data, int64_t count, float *out)
{
    const float unit = 0x1p-31f;
    int64_t i = 0;
    for (; 3 * i + 16 <= 3 * count; i += 4) {
        bytes_vector packed, zero = {0};
        memcpy(&packed, data + 3 * i, sizeof packed);
        const float_vector some = __builtin_convertvector((int_vector)SPREAD(packed, zero), float_vector) * unit;
        memcpy(out + i, &some, sizeof some);
    }
    for (; i < count; i++) {
        const uint8_t *at = data + 3 * i;
        out[i] = (float)(int32_t)((uint32_t)at[0] << 8 | (uint32_t)at[1] << 16 | (uint32_t)at[2] << 24) * unit;
    }
}

#if defined(__x86_64__) && !defined(PLAIN)
__attribute__((target("avx")))
static void decode_avx(const uint8_t *data, int64_t count, float *out) { decode(data, count, out); }
#endif

/* data: [3 · count] bytes; out: float32 [count], full scale ±1. Each is taken as the upper three bytes of four. */
void edge_daemon_decode_24(const uint8_t *data, int64_t count, float *out)
{
#if defined(__x86_64__) && !defined(PLAIN)
    if (__builtin_cpu_supports("avx")) {
        decode_avx(data, count, out);
        return;
    }
#endif
    decode(data, count, out);
}
