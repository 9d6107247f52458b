#include "spinefx/sample.hpp"

#include <algorithm>
#include <atomic>
#include <cmath>
#include <memory>
#include <stdexcept>

#include "paths.hpp"
#include "spinefx/threads.hpp"

namespace spinefx {
namespace {

template <class T>
std::unique_ptr<std::atomic<bool>[]> present(View<const T> labels) {
    std::unique_ptr<std::atomic<bool>[]> seen(new std::atomic<bool>[65536]());
    parallel_for(labels.shape.z, static_cast<double>(labels.shape.voxels()), [&](Index z) {
        const Index count = labels.shape.y * labels.shape.x;
        const T* const plane = labels.row(z, 0);
        const T* const four[4] = {plane, plane, plane, plane};
        for (Index i = 0; i < count; i = rows().pixels<T>().change(four, i, count, plane[i])) {
            seen[static_cast<std::uint16_t>(plane[i])].store(true, std::memory_order_relaxed);
        }
    });
    return seen;
}

constexpr Index kLabels = 65536;

// The inverse of a matrix' linear part.
struct Back {
    double m[3][3];
};

// False where there is none.
bool invert(const Matrix& a, Back& back) {
    const auto& m = a.m;
    auto& inverse = back.m;
    double largest = 0.0;
    for (int i = 0; i < 3; ++i) {
        for (int j = 0; j < 3; ++j) {
            const int p = (j + 1) % 3, q = (j + 2) % 3, r = (i + 1) % 3, s = (i + 2) % 3;
            inverse[i][j] = m[p][r] * m[q][s] - m[p][s] * m[q][r];
            largest = std::max(largest, std::abs(m[i][j]));
        }
    }
    const double det = m[0][0] * inverse[0][0] + m[0][1] * inverse[1][0] + m[0][2] * inverse[2][0];
    if (std::abs(det) <= 1e-12 * largest * largest * largest) return false;
    for (int i = 0; i < 3; ++i) {
        for (int j = 0; j < 3; ++j) inverse[i][j] /= det;
    }
    return true;
}

// Calls found(label, z, y, x) with the target voxel that holds it, for every source voxel of a lost label in
// the target's view.
template <class T, class Found>
void scan_lost(View<const T> in, const Shape& out, const Matrix& matrix, const Back& back, const bool* lost,
               const Found& found) {
    for (Index z = 0; z < in.shape.z; ++z) {
        for (Index y = 0; y < in.shape.y; ++y) {
            const T* const row = in.row(z, y);
            for (Index x = 0; x < in.shape.x; ++x) {
                const auto value = static_cast<std::uint16_t>(row[x]);
                if (!lost[value]) continue;
                const double at[3] = {static_cast<double>(z) - matrix.m[0][3],
                                      static_cast<double>(y) - matrix.m[1][3],
                                      static_cast<double>(x) - matrix.m[2][3]};
                Index spot[3];
                bool in_view = true;
                for (int axis = 0; axis < 3; ++axis) {
                    const double* const r = back.m[axis];
                    const double place = r[0] * at[0] + r[1] * at[1] + r[2] * at[2];
                    in_view = in_view && is_inside(place, out[axis]);
                    spot[axis] = in_view ? nearest_at(place, out[axis]) : 0;
                }
                if (in_view) found(value, spot[0], spot[1], spot[2]);
            }
        }
    }
}

// Gives every label that is still lost one voxel, at most one away, where that costs no other label its last.
template <class T>
void keep_lost(View<const T> in, View<T> out, const Matrix& matrix) {
    Buffer<bool> lost(kLabels, false);
    find_lost<T>(in, out, matrix, lost.data());
    if (std::none_of(lost.data(), lost.data() + kLabels, [](bool is) { return is; })) return;
    Buffer<Index> count(kLabels, 0);
    for (Index i = 0; i < out.shape.voxels(); ++i) ++count[static_cast<std::uint16_t>(out.data[i])];
    Back back{};
    invert(matrix, back);
    const auto take = [&](std::uint16_t value, Index z, Index y, Index x) {
        if (z < 0 || z >= out.shape.z || y < 0 || y >= out.shape.y || x < 0 || x >= out.shape.x) return false;
        T& voxel = out.at(z, y, x);
        Index& others = count[static_cast<std::uint16_t>(voxel)];
        if (voxel != 0 && others < 2) return false;
        --others;
        voxel = static_cast<T>(value);
        count[value] = 1;
        lost[value] = false;
        return true;
    };
    scan_lost(in, out.shape, matrix, back, lost.data(), [&](std::uint16_t value, Index z, Index y, Index x) {
        // The voxel that holds the point, then its neighbours by a face, an edge and a corner.
        for (Index away = 0; away <= 3; ++away) {
            for (Index c = -1; c <= 1; ++c) {
                for (Index b = -1; b <= 1; ++b) {
                    for (Index a = -1; a <= 1; ++a) {
                        if (lost[value] && c * c + b * b + a * a == away) take(value, z + c, y + b, x + a);
                    }
                }
            }
        }
    });
}

template <class T>
void sample_aligned(View<const T> in, View<T> out, const Matrix& matrix, const int axes[3], Method method,
                    T fill) {
    const Arranged<T> source = arrange(in, axes);
    const Shape& from = source.view.shape;
    const bool nearest = method == Method::nearest;
    const auto taps = [&](int axis) {
        const double* const row = matrix.m[axes[axis]];
        return make_taps(row[axis], row[3], out.shape[axis], from[axis], nearest);
    };
    const AlignedTaps all{taps(0), taps(1), taps(2)};
    fill_outside(out, all.z, all.y, all.x, fill);
    if (all.z.empty() || all.y.empty() || all.x.empty()) return;
    if (method == Method::linear) {
        sample_linear(source.view, out, all, fill);
    } else if constexpr (!std::is_same_v<T, Half>) {
        if (nearest) {
            sample_nearest(source.view, out, all, fill);
        } else {
            sample_votes(source.view, out, all, fill);
        }
    }
}

template <class T>
void sample_aligned_filtered(View<const T> in, View<T> out, const Matrix& matrix, const int axes[3],
                             Method method, const double stretch[3], T fill) {
    const Arranged<T> source = arrange(in, axes);
    const Kernel kernel = method == Method::cubic  ? Kernel::spline
                          : method == Method::sinc ? Kernel::lanczos
                                                   : Kernel::tent;
    const auto taps = [&](int axis) {
        const double* const row = matrix.m[axes[axis]];
        return make_filter(kernel, row[axis], row[3], out.shape[axis], source.view.shape[axis],
                           stretch[axes[axis]], false);
    };
    const AlignedFilters all{taps(0), taps(1), taps(2), method == Method::cubic};
    fill_outside(out, all.z, all.y, all.x, fill);
    if (all.z.empty() || all.y.empty() || all.x.empty()) return;
    sample_filtered(source.view, out, all);
}

}  // namespace

template <class T>
void sample(View<const T> in, View<T> out, const Matrix& matrix, Method method, bool antialias, T fill,
            const Displacement* moved) {
    check_grids(in.shape, out.shape, matrix);
    if (antialias && method != Method::linear && method != Method::sinc)
        throw std::invalid_argument("antialias goes with linear and sinc");
    if constexpr (std::is_same_v<T, Half>) {
        if (method == Method::nearest) {
            // Picking looks at no value: bits will do.
            const View<const std::uint16_t> from{reinterpret_cast<const std::uint16_t*>(in.data), in.shape};
            sample<std::uint16_t>(from, {reinterpret_cast<std::uint16_t*>(out.data), out.shape}, matrix,
                                  method, false, fill.bits, moved);
            return;
        }
    }
    double stretch[3] = {1.0, 1.0, 1.0};
    for (int axis = 0; axis < 3 && antialias; ++axis) {
        const double* const row = matrix.m[axis];
        // A kernel twice as wide as the volume is flat enough: wider ones would only take longer.
        const double most = 2.0 * static_cast<double>(in.shape[axis]);
        stretch[axis] = std::max(1.0, std::min(most, std::hypot(row[0], row[1], row[2])));
    }
    const bool filtered = method == Method::cubic || method == Method::sinc ||
                          std::any_of(stretch, stretch + 3, [](double by) { return by > 1.0; });
    int axes[3];
    const bool aligned = moved == nullptr && find_axes(matrix, axes);
    if (aligned && filtered) {
        sample_aligned_filtered(in, out, matrix, axes, method, stretch, fill);
    } else if (aligned) {
        sample_aligned(in, out, matrix, axes, method, fill);
    } else if (filtered || std::is_same_v<T, Half>) {
        sample_prepared(in, out, matrix, method, stretch, fill, moved);
    } else if constexpr (!std::is_same_v<T, Half>) {
        const Place place{{0.0, 0.0, 0.0}, {in.shape.z, in.shape.y, in.shape.x}};
        sample_affine(in, out, matrix, method, fill, moved, place);
    }
    if constexpr (std::is_integral_v<T>) {
        if (method == Method::label_thin) {
            paint_thin(in, out, matrix, moved);
            if (moved == nullptr) keep_lost(in, out, matrix);
        }
    }
}

template <class T>
void find_lost(View<const T> in, View<const T> out, const Matrix& matrix, bool* lost) {
    const auto before = present(in);
    const auto after = present(out);
    bool any = false;
    for (std::size_t v = 1; v < kLabels; ++v) {
        lost[v] = before[v].load() && !after[v].load();
        any = any || lost[v];
    }
    Back back{};
    if (!any || !invert(matrix, back)) {
        std::fill_n(lost, kLabels, false);
        return;
    }
    Buffer<bool> seen(kLabels, false);
    scan_lost(in, out.shape, matrix, back, lost,
              [&](std::uint16_t value, Index, Index, Index) { seen[value] = true; });
    for (Index v = 0; v < kLabels; ++v) lost[v] = lost[v] && seen[v];
}

#define SPINEFX_MAKE(T) \
    template void sample(View<const T>, View<T>, const Matrix&, Method, bool, T, const Displacement*);
SPINEFX_MAKE(float)
SPINEFX_MAKE(Half)
SPINEFX_MAKE(std::int16_t)
SPINEFX_MAKE(std::uint16_t)
SPINEFX_MAKE(std::uint8_t)
template void find_lost(View<const std::int16_t>, View<const std::int16_t>, const Matrix&, bool*);
template void find_lost(View<const std::uint16_t>, View<const std::uint16_t>, const Matrix&, bool*);
template void find_lost(View<const std::uint8_t>, View<const std::uint8_t>, const Matrix&, bool*);

}  // namespace spinefx
