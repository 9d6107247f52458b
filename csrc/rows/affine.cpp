// Rows of the general path: what lies where a segment was located.
#include "rows.hpp"

namespace spinefx::SPINEFX_ISA {

#if defined(__AVX2__)
namespace {

// Four pairs (voxel and right neighbour) as floats: a0 b0 a1 b1 a2 b2 a3 b3.
SPINEFX_HD __m256 pairs(const float* data, const std::int32_t* at) {
    const auto pair = [&](std::int32_t i) {
        double both;  // two floats; not aligned as a double would be
        std::memcpy(&both, data + i, sizeof(both));
        return both;
    };
#if defined(__AVX512VL__)
    // A load that spreads and keeps what another lane holds asks nothing of the units that move lanes.
    const auto spread = [&](std::int32_t i) { return _mm_set_sd(pair(i)); };
    __m256d all = _mm256_broadcastsd_pd(spread(at[0]));
    all = _mm256_mask_broadcastsd_pd(all, 2, spread(at[1]));
    all = _mm256_mask_broadcastsd_pd(all, 4, spread(at[2]));
    return _mm256_castpd_ps(_mm256_mask_broadcastsd_pd(all, 8, spread(at[3])));
#else
    const auto two = [&](std::int32_t i, std::int32_t j) {
        return _mm_castpd_ps(_mm_set_pd(pair(j), pair(i)));
    };
    return _mm256_insertf128_ps(_mm256_castps128_ps256(two(at[0], at[1])), two(at[2], at[3]), 1);
#endif
}

SPINEFX_HD __m128i pairs16(const void* data, const std::int32_t* at) {
    const auto load = [&](std::int32_t i) {
        std::int32_t both;
        std::memcpy(&both, static_cast<const char*>(data) + 2 * static_cast<Index>(i), 4);
        return both;
    };
#if defined(__AVX512VL__)
    const auto spread = [&](std::int32_t i) { return _mm_cvtsi32_si128(load(i)); };
    __m128i all = _mm_broadcastd_epi32(spread(at[0]));
    all = _mm_mask_broadcastd_epi32(all, 2, spread(at[1]));
    all = _mm_mask_broadcastd_epi32(all, 4, spread(at[2]));
    return _mm_mask_broadcastd_epi32(all, 8, spread(at[3]));
#else
    __m128i all = _mm_cvtsi32_si128(load(at[0]));
    all = _mm_insert_epi32(all, load(at[1]), 1);
    all = _mm_insert_epi32(all, load(at[2]), 2);
    return _mm_insert_epi32(all, load(at[3]), 3);
#endif
}

SPINEFX_HD __m256 pairs(const std::int16_t* data, const std::int32_t* at) {
    return _mm256_cvtepi32_ps(_mm256_cvtepi16_epi32(pairs16(data, at)));
}

SPINEFX_HD __m256 pairs(const std::uint16_t* data, const std::int32_t* at) {
    return _mm256_cvtepi32_ps(_mm256_cvtepu16_epi32(pairs16(data, at)));
}

SPINEFX_HD __m256 pairs(const std::uint8_t* data, const std::int32_t* at) {
    const auto load = [&](std::int32_t i) {
        std::uint16_t both;
        std::memcpy(&both, data + i, 2);
        return static_cast<int>(both);
    };
    __m128i all = _mm_cvtsi32_si128(load(at[0]));
    all = _mm_insert_epi16(all, load(at[1]), 1);
    all = _mm_insert_epi16(all, load(at[2]), 2);
    all = _mm_insert_epi16(all, load(at[3]), 3);
    return _mm256_cvtepi32_ps(_mm256_cvtepu8_epi32(all));
}

SPINEFX_HD __m256 mix(__m256 a, __m256 b, __m256 weight) {
    return _mm256_add_ps(a, _mm256_mul_ps(weight, _mm256_sub_ps(b, a)));
}

}  // namespace
#endif

template <class T>
void linear(const T* data, const std::int32_t stride[3], const Points& points, Index count, T* out) {
    const T* const r00 = data;
    const T* const r01 = data + stride[1];
    const T* const r10 = data + stride[0];
    const T* const r11 = data + stride[0] + stride[1];
    Index k = 0;
#if defined(__AVX2__)
    alignas(64) float values[kSegment];
    for (; stride[2] == 1 && k + 4 <= count; k += 4) {
        const std::int32_t* const at = points.offset + k;
        // The processor foresees no slanted lines. Two of the four rows bring both planes and most rows of
        // all.
        fetch(r10 + at[0] + points.ahead);
        fetch(r01 + at[0] + points.ahead);
        const auto twice = [k](const float* weight) {
            const __m256 four = _mm256_castps128_ps256(_mm_loadu_ps(weight + k));
            return _mm256_permutevar8x32_ps(four, _mm256_setr_epi32(0, 0, 1, 1, 2, 2, 3, 3));
        };
        const __m256 wy = twice(points.fraction[1]), wz = twice(points.fraction[0]);
        const __m256 both =
            mix(mix(pairs(r00, at), pairs(r01, at), wy), mix(pairs(r10, at), pairs(r11, at), wy), wz);
        const __m256 apart = _mm256_permutevar8x32_ps(both, _mm256_setr_epi32(0, 2, 4, 6, 1, 3, 5, 7));
        const __m128 a = _mm256_castps256_ps128(apart), b = _mm256_extractf128_ps(apart, 1);
        const __m128 wx = _mm_loadu_ps(points.fraction[2] + k);
        float* const to = std::is_same_v<T, float> ? reinterpret_cast<float*>(out) : values;
        _mm_storeu_ps(to + k, _mm_add_ps(a, _mm_mul_ps(wx, _mm_sub_ps(b, a))));
    }
    if constexpr (!std::is_same_v<T, float>) {
        for (Index i = 0; i < k; ++i) out[i] = to_pixel<T>(values[i]);
    }
#endif
    for (; k < count; ++k) {
        const std::int32_t a = points.offset[k], b = a + stride[2];
        const float wz = points.fraction[0][k], wy = points.fraction[1][k];
        const float first = lerp(lerp(static_cast<float>(r00[a]), static_cast<float>(r01[a]), wy),
                                 lerp(static_cast<float>(r10[a]), static_cast<float>(r11[a]), wy), wz);
        const float second = lerp(lerp(static_cast<float>(r00[b]), static_cast<float>(r01[b]), wy),
                                  lerp(static_cast<float>(r10[b]), static_cast<float>(r11[b]), wy), wz);
        out[k] = to_pixel<T>(lerp(first, second, points.fraction[2][k]));
    }
}

template <class T>
void pick(const T* data, const std::int32_t* offset, Index count, T* out) {
    for (Index k = 0; k < count; ++k) out[k] = data[offset[k]];
}

template <class T>
void vote(const T* data, const std::int32_t stride[3], const Points& points, Index count, T* out) {
    const T* const r00 = data;
    const T* const r01 = data + stride[1];
    const T* const r10 = data + stride[0];
    const T* const r11 = data + stride[0] + stride[1];
    for (Index k = 0; k < count; ++k) {
        const std::int32_t a = points.offset[k], b = a + stride[2];
        if (k % 4 == 0) {
            fetch(r10 + a + points.ahead);
            fetch(r01 + a + points.ahead);
        }
        const T label = r00[a];
        const bool same = (r00[b] == label) & (r01[a] == label) & (r01[b] == label) & (r10[a] == label) &
                          (r10[b] == label) & (r11[a] == label) & (r11[b] == label);
        out[k] = same ? label
                      : vote_at(r00, r01, r10, r11, a, b, points.share[0][k], points.share[1][k],
                                points.share[2][k]);
    }
}

#define SPINEFX_MAKE(T)                                                               \
    template void linear<T>(const T*, const std::int32_t*, const Points&, Index, T*); \
    template void pick<T>(const T*, const std::int32_t*, Index, T*);                  \
    template void vote<T>(const T*, const std::int32_t*, const Points&, Index, T*);
SPINEFX_FOR_PIXELS(SPINEFX_MAKE)

}  // namespace spinefx::SPINEFX_ISA
