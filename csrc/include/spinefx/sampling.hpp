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

// Half up for whole numbers; interpolation never leaves the range of T, so nothing is clamped.
template <class T>
SPINEFX_HD T to_pixel(float value) {
    if constexpr (std::is_floating_point_v<T>) {
        return value;
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

template <class T>
SPINEFX_HD T linear_at(View<const T> in, double pz, double py, double px) {
    const Cell z = cell_at(pz, in.shape.z), y = cell_at(py, in.shape.y), x = cell_at(px, in.shape.x);
    const float wz = static_cast<float>(z.fraction), wy = static_cast<float>(y.fraction),
                wx = static_cast<float>(x.fraction);
    const T* const r00 = in.row(z.low, y.low);
    const T* const r01 = in.row(z.low, y.high);
    const T* const r10 = in.row(z.high, y.low);
    const T* const r11 = in.row(z.high, y.high);
    const float a = lerp(lerp(static_cast<float>(r00[x.low]), static_cast<float>(r01[x.low]), wy),
                         lerp(static_cast<float>(r10[x.low]), static_cast<float>(r11[x.low]), wy), wz);
    const float b = lerp(lerp(static_cast<float>(r00[x.high]), static_cast<float>(r01[x.high]), wy),
                         lerp(static_cast<float>(r10[x.high]), static_cast<float>(r11[x.high]), wy), wz);
    return to_pixel<T>(lerp(a, b, wx));
}

// The label with the most weight among eight; ties go to the smallest label.
template <class T>
SPINEFX_HD T vote_of(const T label[8], const std::int32_t weight[8]) {
    T winner = label[0];
    std::int32_t best = -1;
    for (int i = 0; i < 8; ++i) {
        std::int32_t votes = 0;
        for (int j = 0; j < 8; ++j) votes += label[j] == label[i] ? weight[j] : 0;
        if (votes > best || (votes == best && label[i] < winner)) {
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
    return vote_of(label, weight);
}

}  // namespace spinefx
