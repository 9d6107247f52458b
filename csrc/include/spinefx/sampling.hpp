// The arithmetic of sampling, one voxel at a time: shared by CPU and CUDA, so that both give the same
// numbers. Conventions are ITK's; see spinefx/kernels/sampling.py.
#pragma once

#if !defined(__GNUC__)
#include <math.h>
#endif

#include "spinefx/core.hpp"

namespace spinefx {

constexpr double kSnap = 1e-6;  // voxels; this close below a border or tie counts as on it
constexpr int kVotes = 1024;    // label weights are whole numbers of 1/1024 along each axis

SPINEFX_HD double floor_of(double v) {
#if defined(__GNUC__) && !defined(__CUDACC__)
    return __builtin_floor(v);
#else
    return ::floor(v);
#endif
}

SPINEFX_HD bool is_inside(double position, Index size) {
    return position >= -0.5 - kSnap && position < static_cast<double>(size) - 0.5 - kSnap;
}

// The two voxels around a position and how far it is from the first to the second; clamped to the volume.
struct Cell {
    Index low, high;
    double fraction;
};

SPINEFX_HD Cell cell_at(double position, Index size) {
    const double last = static_cast<double>(size - 1);
    const double place = position < 0.0 ? 0.0 : position > last ? last : position;
    Index low = static_cast<Index>(floor_of(place));
    if (low > size - 2) low = size - 2;
    if (low < 0) low = 0;
    return {low, low + 1 < size ? low + 1 : size - 1, place - static_cast<double>(low)};
}

SPINEFX_HD Index nearest_at(double position, Index size) {
    const double place = floor_of(position + (0.5 + kSnap));
    const double last = static_cast<double>(size - 1);
    return static_cast<Index>(place < 0.0 ? 0.0 : place > last ? last : place);
}

SPINEFX_HD std::int32_t share_of(double fraction) {
    return static_cast<std::int32_t>(fraction * kVotes + 0.5);
}

SPINEFX_HD float to_float(Half half) {
    const std::uint32_t sign = static_cast<std::uint32_t>(half.bits & 0x8000U) << 16,
                        rest = static_cast<std::uint32_t>(half.bits & 0x7fffU) << 13;
    float value;
    if (rest >= 0x0f800000U) {  // endless or not a number (made quiet, as processors do)
        const std::uint32_t bits = sign | 0x70000000U | rest | ((rest & 0x007fffffU) != 0 ? 0x00400000U : 0U);
        std::memcpy(&value, &bits, 4);
        return value;
    }
    // Scaling by 2^112 moves the exponent and makes small numbers normal; it is exact.
    std::memcpy(&value, &rest, 4);
    value *= 5192296858534827628530496329220096.0f;
    std::uint32_t bits;
    std::memcpy(&bits, &value, 4);
    bits |= sign;
    std::memcpy(&value, &bits, 4);
    return value;
}

// To the nearest, ties to even, as processors do it.
SPINEFX_HD Half to_half(float value) {
    std::uint32_t bits;
    std::memcpy(&bits, &value, 4);
    const std::uint32_t sign = bits >> 16 & 0x8000U, size = bits & 0x7fffffffU;
    std::uint32_t made;
    if (size > 0x7f800000U) {
        made = 0x7e00U | (size >> 13 & 0x3ffU);
    } else if (size >= 0x477ff000U) {
        made = 0x7c00U;
    } else if (size < 0x38800000U) {
        // Adding 0.5 rounds at the last bit of the small numbers.
        float small;
        std::memcpy(&small, &size, 4);
        small += 0.5f;
        std::memcpy(&made, &small, 4);
        made -= 0x3f000000U;
    } else {
        made = (size - 0x38000000U + 0xfffU + (size >> 13 & 1U)) >> 13;
    }
    return {static_cast<std::uint16_t>(sign | made)};
}

template <class T>
SPINEFX_HD float as_float(T pixel) {
    if constexpr (std::is_same_v<T, Half>) {
        return to_float(pixel);
    } else {
        return static_cast<float>(pixel);
    }
}

// Half up for whole numbers; interpolation never leaves the range of T, so nothing is clamped.
template <class T>
SPINEFX_HD T to_pixel(float value) {
    if constexpr (std::is_floating_point_v<T>) {
        return value;
    } else if constexpr (std::is_same_v<T, Half>) {
        return to_half(value);
    } else {
        const float up = value + 0.5f;
        std::int32_t whole = static_cast<std::int32_t>(up);
        whole -= static_cast<float>(whole) > up ? 1 : 0;
        return static_cast<T>(whole);
    }
}

SPINEFX_HD float lerp(float a, float b, float weight) {
    return a + weight * (b - a);
}

// The nearest value of T: half up for whole numbers, and to the limits of T where splines and windowed sincs
// overshoot; not a number becomes the lowest.
template <class T>
SPINEFX_HD T to_pixel_in_range(float value) {
    if constexpr (std::is_floating_point_v<T>) {
        return value;
    } else {
        constexpr float low =
            static_cast<float>(static_cast<T>(T(-1) < T(0) ? 1U << (8 * sizeof(T) - 1) : 0));
        constexpr float high = static_cast<float>((1LL << (8 * sizeof(T) - (T(-1) < T(0) ? 1 : 0))) - 1);
        const float above = value > low ? value : low;
        return to_pixel<T>(above < high ? above : high);
    }
}

constexpr int kLanczos = 5;  // zeros of the windowed sinc on each side; SimpleITK's radius

// Cubic B-spline: weights of the four coefficients around a place, `t` beyond the second of them.
SPINEFX_HD void cubic_weights(float t, float weight[4]) {
    weight[0] = ((-1.0f / 6.0f * t + 0.5f) * t - 0.5f) * t + 1.0f / 6.0f;
    weight[1] = ((0.5f * t - 1.0f) * t + 0.0f) * t + 2.0f / 3.0f;
    weight[2] = ((-0.5f * t + 0.5f) * t + 0.5f) * t + 1.0f / 6.0f;
    weight[3] = ((1.0f / 6.0f * t + 0.0f) * t + 0.0f) * t + 0.0f;
}

// Indices beyond the ends, mirrored about the outer centres (splines) or held there.
SPINEFX_HD Index mirrored(Index at, Index size) {
    if (size == 1) return 0;
    const Index period = 2 * (size - 1);
    Index folded = at % period;
    if (folded < 0) folded += period;
    return folded < size ? folded : period - folded;
}

SPINEFX_HD Index held(Index at, Index size) {
    return at < 0 ? 0 : at < size ? at : size - 1;
}

template <class T>
SPINEFX_HD T linear_at(View<const T> in, double pz, double py, double px) {
    const Cell z = cell_at(pz, in.shape.z), y = cell_at(py, in.shape.y), x = cell_at(px, in.shape.x);
    const float wz = static_cast<float>(z.fraction), wy = static_cast<float>(y.fraction),
                wx = static_cast<float>(x.fraction);
    const T* const r00 = in.row(z.low, y.low);
    const T* const r01 = in.row(z.low, y.high);
    const T* const r10 = in.row(z.high, y.low);
    const T* const r11 = in.row(z.high, y.high);
    const float a = lerp(lerp(as_float(r00[x.low]), as_float(r01[x.low]), wy),
                         lerp(as_float(r10[x.low]), as_float(r11[x.low]), wy), wz);
    const float b = lerp(lerp(as_float(r00[x.high]), as_float(r01[x.high]), wy),
                         lerp(as_float(r10[x.high]), as_float(r11[x.high]), wy), wz);
    return to_pixel<T>(lerp(a, b, wx));
}

// Which of the eight voxels holds the point, half up as nearest has it.
SPINEFX_HD int holder_of(std::int32_t sz, std::int32_t sy, std::int32_t sx) {
    constexpr std::int32_t half = kVotes / 2;
    return (sz >= half ? 4 : 0) + (sy >= half ? 2 : 0) + (sx >= half ? 1 : 0);
}

// The label with the most weight among eight. Ties go to the one that holds the point, so that they favour no
// label (a thin one least of all beside the background), and without it to the smallest.
template <class T>
SPINEFX_HD T vote_of(const T label[8], const std::int32_t weight[8], int holder) {
    T winner = label[holder];
    std::int32_t best = 0;
    for (int j = 0; j < 8; ++j) best += label[j] == winner ? weight[j] : 0;
    const std::int32_t held = best;
    for (int i = 0; i < 8; ++i) {
        std::int32_t votes = 0;
        for (int j = 0; j < 8; ++j) votes += label[j] == label[i] ? weight[j] : 0;
        if (votes > best || (votes == best && best > held && label[i] < winner)) {
            best = votes;
            winner = label[i];
        }
    }
    return winner;
}

template <class T>
SPINEFX_HD T vote_at(const T* r00, const T* r01, const T* r10, const T* r11, Index low, Index high,
                     std::int32_t sz, std::int32_t sy, std::int32_t sx) {
    const T label[8] = {r00[low], r00[high], r01[low], r01[high], r10[low], r10[high], r11[low], r11[high]};
    const std::int32_t tz = kVotes - sz, ty = kVotes - sy, tx = kVotes - sx;
    const std::int32_t weight[8] = {tz * ty * tx, tz * ty * sx, tz * sy * tx, tz * sy * sx,
                                    sz * ty * tx, sz * ty * sx, sz * sy * tx, sz * sy * sx};
    return vote_of(label, weight, holder_of(sz, sy, sx));
}

// How one point is sampled.
enum class At { linear, nearest, vote };

template <class T>
SPINEFX_HD T sample_at(View<const T> in, const double p[3], At how) {
    if (how == At::linear) return linear_at(in, p[0], p[1], p[2]);
    if (how == At::nearest) {
        return in.at(nearest_at(p[0], in.shape.z), nearest_at(p[1], in.shape.y),
                     nearest_at(p[2], in.shape.x));
    }
    if constexpr (std::is_integral_v<T>) {
        const Cell z = cell_at(p[0], in.shape.z), y = cell_at(p[1], in.shape.y),
                   x = cell_at(p[2], in.shape.x);
        return vote_at(in.row(z.low, y.low), in.row(z.low, y.high), in.row(z.high, y.low),
                       in.row(z.high, y.high), x.low, x.high, share_of(z.fraction), share_of(y.fraction),
                       share_of(x.fraction));
    }
    return T{};  // only labels vote
}

// Which source axis each output axis runs along; false where the axes are not aligned.
SPINEFX_HD bool find_axes(const Matrix& matrix, int axes[3]) {
    bool used[3] = {false, false, false};
    for (int target = 0; target < 3; ++target) {
        int found = -1;
        for (int source = 0; source < 3; ++source) {
            if (matrix.m[source][target] == 0.0) continue;
            if (found >= 0) return false;
            found = source;
        }
        if (found < 0 || used[found]) return false;
        used[found] = true;
        axes[target] = found;
    }
    return true;
}

}  // namespace spinefx
