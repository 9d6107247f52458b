// Sampling a volume on another grid: the one entry to all paths.
#pragma once

#include <cmath>
#include <stdexcept>
#include <string>

#include "spinefx/core.hpp"

namespace spinefx {

enum class Method { linear, cubic, sinc, nearest, label_smooth, label_thin };

// World vectors on the target, three volumes x, y, z one after the other, and the matrix that turns them into
// source indices.
struct Displacement {
    const float* vectors;
    double field[9];
};

// What every path wants: std::invalid_argument for an empty or endless volume and a matrix that is not
// finite.
inline void check_grids(const Shape& in, const Shape& out, const Matrix& matrix) {
    constexpr Index kMost = Index{1} << 30;
    for (const Shape& shape : {in, out}) {
        for (int axis = 0; axis < 3; ++axis) {
            if (shape[axis] < 1 || shape[axis] > kMost) {
                throw std::invalid_argument("volume sizes must be in 1..2^30, got " +
                                            std::to_string(shape.z) + " x " + std::to_string(shape.y) +
                                            " x " + std::to_string(shape.x));
            }
        }
    }
    for (const auto& row : matrix.m) {
        for (const double value : row) {
            if (!std::isfinite(value)) throw std::invalid_argument("the index matrix must be finite");
        }
    }
}

// Fills `out` from `in`; `matrix` maps an index of `out` to one of `in`, `moved` (may be null) is added to
// it. `antialias` (linear and sinc) stretches the kernel along the axes that get coarser. Threads as
// `parallel_for`; the result is the same for any number of them. Volumes must not overlap. Allocates scratch
// of a few rows and planes; label_thin four volumes; cubic, sinc and antialias the floats of the part of the
// source that is seen (aligned grids: at the output's size in plane). Throws std::invalid_argument for an
// empty volume, a matrix that is not finite, an antialias that does not go with the method, and, off the
// axes, for a filtered part of 2^31 voxels or more. T: float, Half, std::int16_t, std::uint16_t,
// std::uint8_t; label methods not for float and Half.
template <class T>
void sample(View<const T> in, View<T> out, const Matrix& matrix, Method method, bool antialias, T fill,
            const Displacement* moved);

// Sets lost[v] for each label v (as its unsigned bits) of `in` that has a voxel centre inside `out` and no
// voxel in `out`. `lost` holds 65536 flags, all false before. Background, 0, is never lost.
template <class T>
void find_lost(View<const T> in, View<const T> out, const Matrix& matrix, bool* lost);

}  // namespace spinefx
