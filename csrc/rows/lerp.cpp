// Rows of the separable path: to float, between rows, between planes, and past the caches.
#include "rows.hpp"

namespace spinefx::SPINEFX_ISA {

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

namespace {

constexpr Index kChunk = 1024;  // elements blended in the cache before they are streamed out

template <class T>
SPINEFX_HD void blend_block(const float* SPINEFX_RESTRICT a, const float* SPINEFX_RESTRICT b, float weight,
                            Index count, T* SPINEFX_RESTRICT out) {
    if (weight == 0.0f) {
        for (Index i = 0; i < count; ++i) out[i] = to_pixel<T>(a[i]);
    } else {
        for (Index i = 0; i < count; ++i) out[i] = to_pixel<T>(lerp(a[i], b[i], weight));
    }
}

#if defined(__AVX512F__)
// Sixteen blended floats as pixels, in the low bytes.
template <class T, bool mixed>
SPINEFX_HD __m512i blended(const float* a, const float* b, __m512 weight) {
    __m512 value = _mm512_loadu_ps(a);
    if constexpr (mixed) {
        value = _mm512_add_ps(value, _mm512_mul_ps(weight, _mm512_sub_ps(_mm512_loadu_ps(b), value)));
    }
    if constexpr (std::is_same_v<T, float>) {
        return _mm512_castps_si512(value);
    } else {
        const __m512i whole = _mm512_cvt_roundps_epi32(_mm512_add_ps(value, _mm512_set1_ps(0.5f)),
                                                       _MM_FROUND_TO_NEG_INF | _MM_FROUND_NO_EXC);
        if constexpr (sizeof(T) == 2) return _mm512_castsi256_si512(_mm512_cvtepi32_epi16(whole));
        return _mm512_castsi128_si512(_mm512_cvtepi32_epi8(whole));
    }
}

// Whole cache lines of the result, made in registers and written past the caches if wanted; `out` is aligned.
template <class T, bool mixed, bool stream>
void blend_lines(const float* a, const float* b, float weight, Index lines, T* out) {
    constexpr Index kLine = 64 / static_cast<Index>(sizeof(T));
    const __m512 w = _mm512_set1_ps(weight);
    for (Index i = 0; i < lines * kLine; i += kLine) {
        __m512i line = blended<T, mixed>(a + i, b + i, w);
        if constexpr (sizeof(T) == 2) {
            const __m512i more = blended<T, mixed>(a + i + 16, b + i + 16, w);
            line = _mm512_inserti64x4(line, _mm512_castsi512_si256(more), 1);
        } else if constexpr (sizeof(T) == 1) {
            const auto part = [&](Index j) {
                return _mm512_castsi512_si128(blended<T, mixed>(a + i + j, b + i + j, w));
            };
            line = _mm512_inserti32x4(line, part(16), 1);
            line = _mm512_inserti32x4(line, part(32), 2);
            line = _mm512_inserti32x4(line, part(48), 3);
        }
        if constexpr (stream) {
            _mm512_stream_si512(reinterpret_cast<__m512i*>(out + i), line);
        } else {
            _mm512_store_si512(out + i, line);
        }
    }
}
#endif

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
#if defined(__AVX512F__)
    if constexpr (!std::is_same_v<T, Half>) {
        constexpr Index kPixel = sizeof(T), kLine = 64 / kPixel;
        const Index before = static_cast<Index>((0 - reinterpret_cast<std::uintptr_t>(out)) & 63) / kPixel;
        const Index head = before < count ? before : count, lines = (count - head) / kLine;
        const Index end = head + lines * kLine;
        blend_block(a, b, weight, head, out);
        const auto some = weight == 0.0f
                              ? (stream ? blend_lines<T, false, true> : blend_lines<T, false, false>)
                              : (stream ? blend_lines<T, true, true> : blend_lines<T, true, false>);
        some(a + head, b + head, weight, lines, out + head);
        blend_block(a + end, b + end, weight, count - end, out + end);
        return;
    }
#endif
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

#define SPINEFX_MAKE(T)                                                         \
    template void widen<T>(const T*, Index, float*);                            \
    template void blend<T>(const float*, const float*, float, Index, T*, bool); \
    template void narrow<T>(const float*, Index, T*, bool);
SPINEFX_FOR_PIXELS(SPINEFX_MAKE)
SPINEFX_MAKE(Half)

}  // namespace spinefx::SPINEFX_ISA
