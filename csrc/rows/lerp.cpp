// Rows of the separable path: to float, along x, between rows, between planes.
#include "rows.hpp"

namespace spinefx::SPINEFX_ISA {
namespace {

constexpr Index kChunk = 1024;  // elements blended in the cache before they are streamed out

// Copies past the caches. Only whole cache lines are streamed: one that is half streamed and half stored
// plainly costs more than either.
void stream_out(const void* from, void* to, Index bytes) {
    const char* source = static_cast<const char*>(from);
    char* target = static_cast<char*>(to);
#if defined(__SSE2__)
    const Index head = static_cast<Index>((0 - reinterpret_cast<std::uintptr_t>(target)) & 63);
    if (bytes >= head + 64) {
        std::memcpy(target, source, static_cast<std::size_t>(head));
        Index i = head;
        for (; i + 64 <= bytes; i += 64) {
            for (Index j = i; j < i + 64; j += 16) {
                const __m128i block = _mm_loadu_si128(reinterpret_cast<const __m128i*>(source + j));
                _mm_stream_si128(reinterpret_cast<__m128i*>(target + j), block);
            }
        }
        source += i;
        target += i;
        bytes -= i;
    }
#endif
    std::memcpy(target, source, static_cast<std::size_t>(bytes));
}

// Floats as pixels; `lerped` values never leave the range of T.
template <class T>
SPINEFX_HD T pixel_of(float value) {
    if constexpr (std::is_same_v<T, Half>) {
        return to_half(value);
    } else {
        return to_pixel<T>(value);
    }
}

template <class T>
SPINEFX_HD void blend_block(const float* SPINEFX_RESTRICT a, const float* SPINEFX_RESTRICT b, float weight,
                            Index count, T* SPINEFX_RESTRICT out) {
    if (weight == 0.0f) {
        for (Index i = 0; i < count; ++i) out[i] = pixel_of<T>(a[i]);
    } else {
        for (Index i = 0; i < count; ++i) out[i] = pixel_of<T>(lerp(a[i], b[i], weight));
    }
}

template <class T>
SPINEFX_HD void narrow_block(const float* SPINEFX_RESTRICT in, Index count, T* SPINEFX_RESTRICT out) {
    if constexpr (std::is_same_v<T, Half>) {
        Index i = 0;
#if defined(__F16C__)
        for (; i + 8 <= count; i += 8) {
            const __m128i halves = _mm256_cvtps_ph(_mm256_loadu_ps(in + i), _MM_FROUND_TO_NEAREST_INT);
            _mm_storeu_si128(reinterpret_cast<__m128i*>(out + i), halves);
        }
#endif
        for (; i < count; ++i) out[i] = to_half(in[i]);
    } else {
        for (Index i = 0; i < count; ++i) out[i] = to_pixel_in_range<T>(in[i]);
    }
}

}  // namespace

template <class T>
void widen(const T* SPINEFX_RESTRICT in, Index count, float* SPINEFX_RESTRICT out) {
    if constexpr (std::is_same_v<T, Half>) {
        Index i = 0;
#if defined(__F16C__)
        for (; i + 8 <= count; i += 8) {
            _mm256_storeu_ps(out + i,
                             _mm256_cvtph_ps(_mm_loadu_si128(reinterpret_cast<const __m128i*>(in + i))));
        }
#endif
        for (; i < count; ++i) out[i] = to_float(in[i]);
    } else {
        for (Index i = 0; i < count; ++i) out[i] = static_cast<float>(in[i]);
    }
}

void lerp_row(const float* SPINEFX_RESTRICT a, const float* SPINEFX_RESTRICT b, float weight, Index count,
              float* SPINEFX_RESTRICT out) {
    for (Index i = 0; i < count; ++i) out[i] = lerp(a[i], b[i], weight);
}

template <class T>
void blend(const float* a, const float* b, float weight, Index count, T* out, bool stream) {
    if (!stream) {
        blend_block(a, b, weight, count, out);
        return;
    }
    alignas(64) T block[kChunk];
    for (Index i = 0; i < count; i += kChunk) {
        const Index some = count - i < kChunk ? count - i : kChunk;
        blend_block(a + i, b + i, weight, some, block);
        stream_out(block, out + i, some * static_cast<Index>(sizeof(T)));
    }
}

template <class T>
void narrow(const float* in, Index count, T* out, bool stream) {
    if (!stream) {
        narrow_block(in, count, out);
        return;
    }
    alignas(64) T block[kChunk];
    for (Index i = 0; i < count; i += kChunk) {
        const Index some = count - i < kChunk ? count - i : kChunk;
        narrow_block(in + i, some, block);
        stream_out(block, out + i, some * static_cast<Index>(sizeof(T)));
    }
}

void spread(const float* SPINEFX_RESTRICT row, const Spread& spread, float* SPINEFX_RESTRICT out) {
#if defined(__AVX512F__)
    if (spread.narrow) {
        for (Index i = 0, block = 0; i < spread.count; i += 16, ++block) {
            const float* const from = row + spread.base[block];
            const __m512i rel = _mm512_loadu_si512(spread.rel + i);
            const __m512 a = _mm512_permutex2var_ps(_mm512_loadu_ps(from), rel, _mm512_loadu_ps(from + 16));
            const __m512 b =
                _mm512_permutex2var_ps(_mm512_loadu_ps(from + 1), rel, _mm512_loadu_ps(from + 17));
            const __m512 step = _mm512_mul_ps(_mm512_loadu_ps(spread.weight + i), _mm512_sub_ps(b, a));
            _mm512_storeu_ps(out + i, _mm512_add_ps(a, step));
        }
        return;
    }
#elif defined(__AVX2__)
    if (spread.narrow) {
        for (Index i = 0, block = 0; i < spread.count; i += 8, ++block) {
            const float* const from = row + spread.base[block];
            const __m256i rel = _mm256_loadu_si256(reinterpret_cast<const __m256i*>(spread.rel + i));
            const __m256 far = _mm256_castsi256_ps(_mm256_cmpgt_epi32(rel, _mm256_set1_epi32(7)));
            const __m256 a = _mm256_blendv_ps(_mm256_permutevar8x32_ps(_mm256_loadu_ps(from), rel),
                                              _mm256_permutevar8x32_ps(_mm256_loadu_ps(from + 8), rel), far);
            const __m256 b = _mm256_blendv_ps(_mm256_permutevar8x32_ps(_mm256_loadu_ps(from + 1), rel),
                                              _mm256_permutevar8x32_ps(_mm256_loadu_ps(from + 9), rel), far);
            const __m256 step = _mm256_mul_ps(_mm256_loadu_ps(spread.weight + i), _mm256_sub_ps(b, a));
            _mm256_storeu_ps(out + i, _mm256_add_ps(a, step));
        }
        return;
    }
#endif
    for (Index i = 0; i < spread.count; ++i) {
        const float* const from = row + spread.low[i];
        out[i] = lerp(from[0], from[1], spread.weight[i]);
    }
}

#define SPINEFX_MAKE(T)                                                         \
    template void widen<T>(const T*, Index, float*);                            \
    template void blend<T>(const float*, const float*, float, Index, T*, bool); \
    template void narrow<T>(const float*, Index, T*, bool);
SPINEFX_FOR_PIXELS(SPINEFX_MAKE)
SPINEFX_MAKE(Half)

}  // namespace spinefx::SPINEFX_ISA
