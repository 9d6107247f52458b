// Rows along x: samples between two neighbours, or the first of them.
#include "rows.hpp"

namespace spinefx::SPINEFX_ISA {
namespace {

#if defined(__AVX512F__)
SPINEFX_HD __m512 sixteen(const float* from) {
    return _mm512_loadu_ps(from);
}
SPINEFX_HD __m512 sixteen(const Half* from) {
    return _mm512_cvtph_ps(_mm256_loadu_si256(reinterpret_cast<const __m256i*>(from)));
}

// Thirty-two whole pixels as 16-bit words.
template <class T>
SPINEFX_HD __m512i words(const T* from) {
    if constexpr (sizeof(T) == 2) {
        return _mm512_loadu_si512(from);
    } else {
        return _mm512_cvtepu8_epi16(_mm256_loadu_si256(reinterpret_cast<const __m256i*>(from)));
    }
}

// Rows follow each other, but the processor's own prefetching stops at pages: two kilobytes ahead.
SPINEFX_HD void ask_ahead(const void* from) {
    __builtin_prefetch(static_cast<const char*>(from) + 2048);
}

// Two neighbours at each of sixteen places among the 32 pixels from `from` on, as floats.
struct Neighbours {
    __m512 a, b;
};

template <class T>
SPINEFX_HD Neighbours neighbours(const T* from, __m512i rel) {
    if constexpr (std::is_integral_v<T>) {
        // Both in one permutation: the first in the low half of each lane, the second in the high one.
        const __m512i next = _mm512_add_epi32(_mm512_slli_epi32(rel, 16), _mm512_set1_epi32(1 << 16));
        const __m512i both = _mm512_permutexvar_epi16(_mm512_or_si512(rel, next), words(from));
        if constexpr (std::is_signed_v<T>) {
            return {_mm512_cvtepi32_ps(_mm512_srai_epi32(_mm512_slli_epi32(both, 16), 16)),
                    _mm512_cvtepi32_ps(_mm512_srai_epi32(both, 16))};
        } else {
            return {_mm512_cvtepi32_ps(_mm512_and_si512(both, _mm512_set1_epi32(0xffff))),
                    _mm512_cvtepi32_ps(_mm512_srli_epi32(both, 16))};
        }
    } else {
        const __m512 low = sixteen(from), high = sixteen(from + 16);
        const __m512i next = _mm512_add_epi32(rel, _mm512_set1_epi32(1));
        return {_mm512_permutex2var_ps(low, rel, high), _mm512_permutex2var_ps(low, next, high)};
    }
}
#elif defined(__AVX2__)
SPINEFX_HD __m256 eight(const float* from) {
    return _mm256_loadu_ps(from);
}
SPINEFX_HD __m256 eight(const Half* from) {
    return _mm256_cvtph_ps(_mm_loadu_si128(reinterpret_cast<const __m128i*>(from)));
}
SPINEFX_HD __m256 eight(const std::int16_t* from) {
    return _mm256_cvtepi32_ps(_mm256_cvtepi16_epi32(_mm_loadu_si128(reinterpret_cast<const __m128i*>(from))));
}
SPINEFX_HD __m256 eight(const std::uint16_t* from) {
    return _mm256_cvtepi32_ps(_mm256_cvtepu16_epi32(_mm_loadu_si128(reinterpret_cast<const __m128i*>(from))));
}
SPINEFX_HD __m256 eight(const std::uint8_t* from) {
    return _mm256_cvtepi32_ps(_mm256_cvtepu8_epi32(_mm_loadl_epi64(reinterpret_cast<const __m128i*>(from))));
}
#endif

SPINEFX_HD float float_of(Half value) {
    return to_float(value);
}
template <class T>
SPINEFX_HD float float_of(T value) {
    return static_cast<float>(value);
}

}  // namespace

template <class T>
void spread(const T* SPINEFX_RESTRICT row, const Spread& spread, float* SPINEFX_RESTRICT out) {
#if defined(__AVX512F__)
    if (spread.narrow) {
        for (Index i = 0, block = 0; i < spread.count; i += 16, ++block) {
            ask_ahead(row + spread.base[block]);
            const Neighbours at = neighbours(row + spread.base[block], _mm512_loadu_si512(spread.rel + i));
            const __m512 step = _mm512_mul_ps(_mm512_loadu_ps(spread.weight + i), _mm512_sub_ps(at.b, at.a));
            _mm512_storeu_ps(out + i, _mm512_add_ps(at.a, step));
        }
        return;
    }
#elif defined(__AVX2__)
    if (spread.narrow) {
        for (Index i = 0, block = 0; i < spread.count; i += 8, ++block) {
            const T* const from = row + spread.base[block];
            const __m256i rel = _mm256_loadu_si256(reinterpret_cast<const __m256i*>(spread.rel + i));
            const __m256 far = _mm256_castsi256_ps(_mm256_cmpgt_epi32(rel, _mm256_set1_epi32(7)));
            const __m256 a = _mm256_blendv_ps(_mm256_permutevar8x32_ps(eight(from), rel),
                                              _mm256_permutevar8x32_ps(eight(from + 8), rel), far);
            const __m256 b = _mm256_blendv_ps(_mm256_permutevar8x32_ps(eight(from + 1), rel),
                                              _mm256_permutevar8x32_ps(eight(from + 9), rel), far);
            const __m256 step = _mm256_mul_ps(_mm256_loadu_ps(spread.weight + i), _mm256_sub_ps(b, a));
            _mm256_storeu_ps(out + i, _mm256_add_ps(a, step));
        }
        return;
    }
#endif
    for (Index i = 0; i < spread.count; ++i) {
        const T* const from = row + spread.low[i];
        out[i] = lerp(float_of(from[0]), float_of(from[1]), spread.weight[i]);
    }
}

template <class T>
void choose(const T* SPINEFX_RESTRICT row, const Spread& spread, T* SPINEFX_RESTRICT out) {
#if defined(__AVX512F__)
    if (spread.narrow) {
        for (Index i = 0, block = 0; i < spread.count; i += 16, ++block) {
            const T* const from = row + spread.base[block];
            const __m512i rel = _mm512_loadu_si512(spread.rel + i);
            ask_ahead(from);
            if constexpr (std::is_same_v<T, float>) {
                _mm512_storeu_ps(out + i, _mm512_permutex2var_ps(sixteen(from), rel, sixteen(from + 16)));
            } else {
                const __m512i found = _mm512_permutexvar_epi16(rel, words(from));
                if constexpr (sizeof(T) == 2) {
                    _mm256_storeu_si256(reinterpret_cast<__m256i*>(out + i), _mm512_cvtepi32_epi16(found));
                } else {
                    _mm_storeu_si128(reinterpret_cast<__m128i*>(out + i), _mm512_cvtepi32_epi8(found));
                }
            }
        }
        return;
    }
#endif
    for (Index i = 0; i < spread.count; ++i) out[i] = row[spread.low[i]];
}

#define SPINEFX_MAKE(T) template void spread<T>(const T*, const Spread&, float*);
SPINEFX_FOR_PIXELS(SPINEFX_MAKE)
SPINEFX_MAKE(Half)
#undef SPINEFX_MAKE
#define SPINEFX_MAKE(T) template void choose<T>(const T*, const Spread&, T*);
SPINEFX_FOR_PIXELS(SPINEFX_MAKE)

}  // namespace spinefx::SPINEFX_ISA
