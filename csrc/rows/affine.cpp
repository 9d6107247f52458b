// Rows of the general path: where the voxels of a segment come from, and what lies there.
#include "rows.hpp"

namespace spinefx::SPINEFX_ISA {
namespace {

// One axis of a segment: clamps, splits into whole and fraction, adds to the offsets.
template <Locate mode>
SPINEFX_HD void locate_axis(const double* SPINEFX_RESTRICT position, Index size, std::int32_t stride,
                            Index count, std::int32_t* SPINEFX_RESTRICT offset,
                            float* SPINEFX_RESTRICT fraction, std::int32_t* SPINEFX_RESTRICT share) {
    const double last = static_cast<double>(size - 1);
    const std::int32_t most = static_cast<std::int32_t>(mode == Locate::nearest ? size - 1
                                                        : size > 1              ? size - 2
                                                                                : 0);
    for (Index k = 0; k < count; ++k) {
        const double at = mode == Locate::nearest ? position[k] + (0.5 + kSnap) : position[k];
        const double above = at > 0.0 ? at : 0.0;  // also where it is not a number
        const double place = above < last ? above : last;
        std::int32_t low = static_cast<std::int32_t>(place);
        low = low > most ? most : low;
        offset[k] += low * stride;
        if (mode == Locate::linear) fraction[k] = static_cast<float>(place - static_cast<double>(low));
        if (mode == Locate::vote) share[k] = share_of(place - static_cast<double>(low));
    }
}

// Samples [from, to) of a segment, by doubles.
template <Locate mode>
void locate_as(const Line& line, Index from, Index to, Points& out) {
    const Index count = to - from;
    alignas(64) double position[kSegment];
    std::int32_t* const offset = out.offset + from;
    for (Index k = 0; k < count; ++k) offset[k] = 0;
    alignas(64) double inside[kSegment];  // 1 or 0; as wide as positions, so that loops stay simple
    for (Index k = 0; k < count; ++k) inside[k] = 1.0;
    for (int axis = 0; axis < 3; ++axis) {
        const double start = line.start[axis], step = line.step[axis];
        const std::int32_t first = line.first + static_cast<std::int32_t>(from);
        for (Index k = 0; k < count; ++k)
            position[k] = start + step * static_cast<double>(first + static_cast<std::int32_t>(k));
        if (line.displacement[0] != nullptr) {
            const double* const f = line.field + 3 * axis;
            const float* SPINEFX_RESTRICT const dx = line.displacement[0] + from;
            const float* SPINEFX_RESTRICT const dy = line.displacement[1] + from;
            const float* SPINEFX_RESTRICT const dz = line.displacement[2] + from;
            for (Index k = 0; k < count; ++k) {
                position[k] += (f[0] * static_cast<double>(dx[k]) + f[1] * static_cast<double>(dy[k])) +
                               f[2] * static_cast<double>(dz[k]);
            }
            const double below = line.lower[axis], above = line.upper[axis];
            for (Index k = 0; k < count; ++k) {
                const double in = position[k] >= below ? inside[k] : 0.0;
                inside[k] = position[k] < above ? in : 0.0;
            }
        }
        locate_axis<mode>(position, line.size[axis], line.stride[axis], count, offset,
                          out.fraction[axis] + from, out.share[axis] + from);
    }
    if (line.displacement[0] != nullptr) {
        for (Index k = 0; k < count; ++k) out.inside[from + k] = inside[k] != 0.0 ? 1 : 0;
    }
}

// The next sixteen samples by floats counted from a whole voxel nearby, which are good to some 1e-6 voxels
// there; false, and nothing of use written, where one of them is not well inside or far away.
SPINEFX_HD bool locate_block(const Line& line, Index from, Points& out) {
    constexpr double kFar = 128.0,
                     kClear = 0.01;  // voxels; clear of where clamps begin, whatever the rounding
    constexpr Index kParts = kWide / kNative;
    alignas(64) constexpr float kSteps[kWide] = {0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 14, 15};
    const double first = static_cast<double>(line.first + static_cast<std::int32_t>(from));
    NativeInt offset[kParts] = {};
    for (int axis = 0; axis < 3; ++axis) {
        const double start = line.start[axis] + line.step[axis] * first, base = floor_of(start);
        const double low = kClear - base, high = static_cast<double>(line.size[axis] - 1) - kClear - base;
        const float least = static_cast<float>(low > -kFar ? low : -kFar),
                    most = static_cast<float>(high < kFar ? high : kFar);
        const float begin = static_cast<float>(start - base), step = static_cast<float>(line.step[axis]);
        const float fx = static_cast<float>(line.field[3 * axis]),
                    fy = static_cast<float>(line.field[3 * axis + 1]),
                    fz = static_cast<float>(line.field[3 * axis + 2]);
        for (Index part = 0; part < kParts; ++part) {
            const Index k = part * kNative;
            Native place = load_as<Native>(kSteps + k) * step + begin;
            if (line.displacement[0] != nullptr) {
                const Native dx = load_as<Native>(line.displacement[0] + from + k),
                             dy = load_as<Native>(line.displacement[1] + from + k),
                             dz = load_as<Native>(line.displacement[2] + from + k);
                place = place + ((dx * fx + dy * fy) + dz * fz);
            }
            if (!all_between(place, least, most)) return false;
            const NativeInt whole = whole_below(place);
            store(place - floats_of(whole), out.fraction[axis] + from + k);
            offset[part] = offset[part] + (whole + static_cast<std::int32_t>(base)) * line.stride[axis];
        }
    }
    for (Index part = 0; part < kParts; ++part) store(offset[part], out.offset + from + part * kNative);
    std::memset(out.inside + from, 1, kWide);
    return true;
}

void locate_linear(const Line& line, Index count, Points& out) {
    Index k = 0;
    for (; k + kWide <= count; k += kWide) {
        if (!locate_block(line, k, out)) locate_as<Locate::linear>(line, k, k + kWide, out);
    }
    if (k < count) locate_as<Locate::linear>(line, k, count, out);
}

#if defined(__AVX2__)
// Four pairs (voxel and right neighbour) as floats: a0 b0 a1 b1 a2 b2 a3 b3.
SPINEFX_HD __m256 pairs(const float* data, const std::int32_t* at) {
    const auto pair = [&](std::int32_t i) {
        double both;  // two floats; not aligned as a double would be
        std::memcpy(&both, data + i, sizeof(both));
        return both;
    };
    const auto two = [&](std::int32_t i, std::int32_t j) {
        return _mm_castpd_ps(_mm_set_pd(pair(j), pair(i)));
    };
    return _mm256_insertf128_ps(_mm256_castps128_ps256(two(at[0], at[1])), two(at[2], at[3]), 1);
}

SPINEFX_HD __m128i pairs16(const void* data, const std::int32_t* at) {
    const auto load = [&](std::int32_t i) {
        std::int32_t both;
        std::memcpy(&both, static_cast<const char*>(data) + 2 * static_cast<Index>(i), 4);
        return both;
    };
    __m128i all = _mm_cvtsi32_si128(load(at[0]));
    all = _mm_insert_epi32(all, load(at[1]), 1);
    all = _mm_insert_epi32(all, load(at[2]), 2);
    return _mm_insert_epi32(all, load(at[3]), 3);
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
#endif

}  // namespace

void locate(const Line& line, Locate mode, Index count, Points& out) {
    if (mode == Locate::linear) locate_linear(line, count, out);
    if (mode == Locate::nearest) locate_as<Locate::nearest>(line, 0, count, out);
    if (mode == Locate::vote) locate_as<Locate::vote>(line, 0, count, out);
}

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
        __builtin_prefetch(data + at[0] + points.ahead);  // the processor foresees no slanted lines
        const auto twice = [k](const float* weight) {
            const __m128 four = _mm_loadu_ps(weight + k);
            return _mm256_set_m128(_mm_unpackhi_ps(four, four), _mm_unpacklo_ps(four, four));
        };
        const __m256 wy = twice(points.fraction[1]), wz = twice(points.fraction[0]);
        const __m256 both =
            mix(mix(pairs(r00, at), pairs(r01, at), wy), mix(pairs(r10, at), pairs(r11, at), wy), wz);
        const __m128 first = _mm256_castps256_ps128(both), second = _mm256_extractf128_ps(both, 1);
        const __m128 a = _mm_shuffle_ps(first, second, _MM_SHUFFLE(2, 0, 2, 0));
        const __m128 b = _mm_shuffle_ps(first, second, _MM_SHUFFLE(3, 1, 3, 1));
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
