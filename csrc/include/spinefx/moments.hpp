// The arithmetic of moments, shared by CPU and CUDA: of runs of one label in whole numbers, of feature maps
// in a fixed order of additions.
#pragma once

#include "spinefx/core.hpp"

namespace spinefx {

// Sums over the voxels [a, b) of row (z, y); second: zz, yy, xx, zy, zx, yx.
struct RunSums {
    std::int64_t voxels, first[3], second[6];
};

SPINEFX_HD RunSums sums_of_run(Index z, Index y, Index a, Index b) {
    const std::int64_t n = b - a, x = (a + b - 1) * n / 2;
    // Sum of k^2 for k in [0, k).
    const auto squares = [](std::int64_t k) { return (k - 1) * k * (2 * k - 1) / 6; };
    return {n, {z * n, y * n, x}, {z * z * n, y * y * n, squares(b) - squares(a), z * y * n, z * x, y * x}};
}

constexpr Index kPlanes = 16;  // planes of a map whose sums run in float before they are added in double

// Sums of v, y v and y y v over the rows of a plane; V is a float or several side by side.
template <class V>
struct RowMoments {
    V mass, y, yy;
};

// `row(y)` gives the row's values. Running sums of running sums give the powers of y with additions alone.
template <class V, class Row>
SPINEFX_HD RowMoments<V> row_moments(Index rows, const Row& row) {
    V a{}, b{}, c{};
    for (Index y = rows - 1; y > 0; --y) {
        a = a + row(y);
        b = b + a;
        c = c + b;
    }
    return {a + row(0), b, c + c - b};  // c holds y (y + 1) / 2
}

// Planes [first, end): mass, z, zz, y, yy, zy, with z counted from the first. `plane(z)` gives RowMoments<V>.
template <class V, class Plane>
SPINEFX_HD void plane_moments(Index first, Index end, const Plane& plane, V out[6]) {
    V a{}, b{}, c{}, p{}, q{}, r{};
    for (Index z = end - 1; z >= first; --z) {
        const RowMoments<V> sums = plane(z);
        a = a + sums.mass;
        p = p + sums.y;
        r = r + sums.yy;
        if (z == first) break;
        b = b + a;
        c = c + b;
        q = q + p;
    }
    out[0] = a, out[1] = b, out[2] = c + c - b, out[3] = p, out[4] = r, out[5] = q;
}

// Sums of one column over all planes.
struct ColumnMoments {
    double mass, z, zz, y, yy, zy;
};

// Adds the planes from `first` on.
SPINEFX_HD void add_planes(double first, const float part[6], ColumnMoments& sums) {
    const double mass = static_cast<double>(part[0]), z = static_cast<double>(part[1]),
                 y = static_cast<double>(part[3]);
    sums.mass += mass;
    sums.z += z + first * mass;
    sums.zz += static_cast<double>(part[2]) + 2.0 * first * z + first * first * mass;
    sums.y += y;
    sums.yy += static_cast<double>(part[4]);
    sums.zy += static_cast<double>(part[5]) + first * y;
}

// What the column at `x` adds to one of the ten sums: mass, z, y, x, zz, yy, xx, zy, zx, yx. The column's own
// are mass, z, zz, y, yy, zy.
SPINEFX_HD double column_sum(int which, double x, const double column[6]) {
    const double mass = column[0], z = column[1], y = column[3];
    switch (which) {
        case 0:
            return mass;
        case 1:
            return z;
        case 2:
            return y;
        case 3:
            return x * mass;
        case 4:
            return column[2];
        case 5:
            return column[4];
        case 6:
            return x * x * mass;
        case 7:
            return column[5];
        case 8:
            return x * z;
        default:
            return x * y;
    }
}

}  // namespace spinefx
