// Off the axes, filters of several voxels work on a float copy of what the output sees: spline coefficients
// mirrored about the ends, or voxels (low-passed where antialias asks for it) held there, so that no sample
// has to look.
#include <algorithm>
#include <cmath>
#include <stdexcept>

#include "paths.hpp"

namespace spinefx {
namespace {

// Source voxels along one axis: `first` may be before the volume and the last beyond it.
struct Seen {
    Index first, count;
};

// What `out` sees along one source axis, with the voxels that a sample weighs before and after its own; no
// voxel where it sees nothing.
Seen seen_along(const double row[4], const Shape& out, Index size, bool everything, Index before,
                Index after) {
    double low = row[3], high = row[3];
    for (int axis = 0; axis < 3; ++axis) {
        const double end = row[axis] * static_cast<double>(out[axis] - 1);
        low += std::min(0.0, end);
        high += std::max(0.0, end);
    }
    constexpr double kMargin = 1e-3;  // more than rounding
    const double last = static_cast<double>(size) - 0.5;
    low = everything ? -0.5 : std::max(low, -0.5);
    high = everything ? last : std::min(high, last);
    if (!(low <= high + kMargin)) return {0, 0};
    const Index first = static_cast<Index>(std::floor(low - kMargin)) - before;
    return {first, static_cast<Index>(std::floor(high + kMargin)) + after + 1 - first};
}

}  // namespace

template <class T>
void sample_prepared(View<const T> in, View<T> out, const Matrix& matrix, Method method,
                     const double stretch[3], T fill, const Displacement* moved) {
    const bool spline = method == Method::cubic;
    const Index before = spline ? 1 : method == Method::sinc ? kLanczos - 1 : 0, after = before + 1;
    FilterTaps taps[3];
    Place place{};
    for (int axis = 0; axis < 3; ++axis) {
        const Index size = in.shape[axis];
        const Seen seen = seen_along(matrix.m[axis], out.shape, size, moved != nullptr, before, after);
        if (seen.count == 0) {
            std::fill_n(out.data, out.shape.voxels(), fill);
            return;
        }
        const double first = static_cast<double>(seen.first);
        taps[axis] = spline ? make_mirror(seen.first, seen.count, size)
                            : make_filter(method == Method::sinc ? Kernel::lanczos : Kernel::tent, 1.0, first,
                                          seen.count, size, stretch[axis], true);
        place.size[axis] = size;
        place.shift[axis] = first + static_cast<double>(before);
    }
    const Shape shape{taps[0].size, taps[1].size, taps[2].size};
    constexpr Index kBeyond = 16;  // a row of sinc weights reads past its ten voxels
    Buffer<float> copy(shape.voxels() + kBeyond);
    std::fill_n(copy.data() + shape.voxels(), kBeyond, 0.0f);
    const AlignedFilters filters{std::move(taps[0]), std::move(taps[1]), std::move(taps[2]), spline};
    sample_filtered(in, View<float>{copy.data(), shape}, filters);
    sample_affine(View<const float>{copy.data(), shape}, out, matrix, method, fill, moved, place);
}

#define SPINEFX_MAKE(T)                                                                            \
    template void sample_prepared(View<const T>, View<T>, const Matrix&, Method, const double*, T, \
                                  const Displacement*);
SPINEFX_MAKE(float)
SPINEFX_MAKE(Half)
SPINEFX_MAKE(std::int16_t)
SPINEFX_MAKE(std::uint16_t)
SPINEFX_MAKE(std::uint8_t)

}  // namespace spinefx
