// What can be counted on label maps and feature maps. Index units; the caller turns them into millimetres.
#pragma once

#include <algorithm>
#include <stdexcept>
#include <vector>

#include "spinefx/core.hpp"

namespace spinefx {

// std::overflow_error where a second moment could leave 63 bits.
inline void check_moments(const Shape& shape) {
    const auto longest = static_cast<double>(std::max({shape.z, shape.y, shape.x}));
    if (static_cast<double>(shape.voxels()) * longest * longest > 9e18)
        throw std::overflow_error("the label map is too large for exact second moments");
}

// Sums over the voxels of one label; products in the order zz, yy, xx, zy, zx, yx; box: first index and one
// past the last.
struct LabelSums {
    std::int64_t value, voxels, first[3], second[6], box[6];
    double total, variance, minimum, maximum;  // of the image; 0 without one
    std::vector<double> percentiles;           // of the image, one for each that was asked for
};

// One row per label other than 0, ascending. `image` may be empty (data null). Whole-number images are summed
// exactly, float images in a fixed order, so the result is the same for any number of threads. `percents`
// (0..100) are interpolated linearly between the voxels' values in order, NaN where a voxel is; they need a
// copy of the labelled voxels. Throws std::overflow_error where a second moment could leave 63 bits.
template <class L, class T>
std::vector<LabelSums> label_sums(View<const L> labels, View<const T> image,
                                  const std::vector<double>& percents = {});

// Ten sums for each of `count` maps of `shape`: mass, first (z, y, x) and second (zz, yy, xx, zy, zx, yx)
// moments. Sums run in float along y and over sixteen planes, and in double beyond.
void soft_moments(const float* maps, Index count, Shape shape, double* out);

struct Mesh {
    std::vector<double> vertices;     // (n, 3) world
    std::vector<std::int64_t> faces;  // (m, 3), outward
};

// The surface net of one label, smoothed `rounds` times; `affine` (3, 4) maps an index (z, y, x) to the
// world. The volume's border closes the label. See spinefx/kernels/measures.py.
template <class L>
Mesh surface(View<const L> labels, L value, const double affine[12], int rounds);

}  // namespace spinefx
