// Sampling along any direction, with or without a displacement field: rows in tiles, located then sampled.
#include <algorithm>
#include <cmath>
#include <cstring>
#include <limits>
#include <stdexcept>

#include "paths.hpp"
#include "spinefx/threads.hpp"

namespace spinefx {
namespace {

constexpr Index kTile =
    8;  // rows of a tile along z and y: neighbours share source cache lines whatever the angle

At at_of(Method method) {
    return method == Method::linear ? At::linear : method == Method::nearest ? At::nearest : At::vote;
}

// For volumes whose offsets do not fit 32 bits.
template <class T>
void plain_segment(View<const T> in, const Line& line, Index count, Method method, T fill, T* out) {
    for (Index k = 0; k < count; ++k) {
        double p[3];
        bool inside = true;
        for (int axis = 0; axis < 3; ++axis) {
            p[axis] = line.start[axis] + line.step[axis] * static_cast<double>(line.first + k);
            if (line.displacement[0] != nullptr) {
                const double* const f = line.field + 3 * axis;
                p[axis] += (f[0] * static_cast<double>(line.displacement[0][k]) +
                            f[1] * static_cast<double>(line.displacement[1][k])) +
                           f[2] * static_cast<double>(line.displacement[2][k]);
            }
            inside = inside && is_inside(p[axis], in.shape[axis]);
        }
        out[k] = inside ? sample_at(in, p, at_of(method)) : fill;
    }
}

// The voxels [begin, end) of a straight segment that lie inside. Positions grow or fall steadily along it,
// rounding included, so they are one range.
struct Range {
    Index begin, end;
};

bool is_inside_at(const Line& line, Index k) {
    bool inside = true;
    for (int axis = 0; axis < 3; ++axis) {
        const double at = static_cast<double>(line.first + static_cast<std::int32_t>(k));
        const double position = line.start[axis] + line.step[axis] * at;
        inside = inside && position >= line.lower[axis] && position < line.upper[axis];
    }
    return inside;
}

// `slope` is one over the line's steps.
Range inside_of(const Line& line, const double slope[3], Index count) {
    double from = 0.0, to = static_cast<double>(count);
    for (int axis = 0; axis < 3; ++axis) {
        const double step = line.step[axis],
                     start = line.start[axis] + step * static_cast<double>(line.first);
        const double low = line.lower[axis], high = line.upper[axis];
        if (step == 0.0) {
            if (!(start >= low && start < high)) return {0, 0};
            continue;
        }
        const double a = (low - start) * slope[axis], b = (high - start) * slope[axis];
        from = std::max(from, std::min(a, b));
        to = std::min(to, std::max(a, b) + 1.0);
    }
    if (!(from < to)) return {0, 0};
    // That is good to a voxel; the test itself decides.
    Index begin = std::max<Index>(0, static_cast<Index>(from) - 1),
          end = std::min(count, static_cast<Index>(to) + 2);
    while (begin < end && !is_inside_at(line, begin)) ++begin;
    while (end > begin && !is_inside_at(line, end - 1)) --end;
    return {begin, end};
}

// Samples a located segment: pixels from pixels of the same type, or floats from a filtered copy, made pixels
// after.
template <class S, class T>
void sample_points(View<const S> in, const Line& line, Method method, const Points& points, Index count,
                   T* out) {
    if constexpr (std::is_same_v<S, T>) {
        const PixelRows<T>& pixels = rows().pixels<T>();
        if (method == Method::linear) {
            pixels.linear(in.data, line.stride, points, count, out);
            return;
        }
        if (method == Method::nearest) {
            pixels.pick(in.data, points.offset, count, out);
            return;
        }
        if (method == Method::label_smooth || method == Method::label_thin) {
            pixels.vote(in.data, line.stride, points, count, out);
            return;
        }
    }
    if constexpr (std::is_same_v<S, float>) {
        alignas(64) float made[kSegment];
        if (method == Method::cubic) {
            rows().real.cubic(in.data, line.stride, points, count, made);
        } else if (method == Method::sinc) {
            rows().real.sinc(in.data, line.stride, points, sinc_table(), count, made);
        } else {
            rows().f32.linear(in.data, line.stride, points, count, made);
        }
        rows().pixels<T>().narrow(made, count, out, false);
    }
}

}  // namespace

template <class S, class T>
void sample_affine(View<const S> in, View<T> out, const Matrix& matrix, Method method, T fill,
                   const Displacement* moved, const Place& place) {
    const bool wide = in.shape.voxels() > std::numeric_limits<std::int32_t>::max();
    if (wide && (!std::is_same_v<S, T> || method == Method::cubic || method == Method::sinc))
        throw std::invalid_argument(
            "a filter off the axes takes less than 2^31 voxels of the source: crop first");
    Line common{};
    double slope[3];
    const Index strides[3] = {in.shape.y * in.shape.x, in.shape.x, 1};
    for (int axis = 0; axis < 3; ++axis) {
        common.step[axis] = matrix.m[axis][2];
        slope[axis] = 1.0 / common.step[axis];
        // Places are held where all voxels that they weigh exist: displacements lead anywhere.
        const Index more = method == Method::cubic ? 2 : method == Method::sinc ? 2 * kLanczos - 2 : 0;
        common.size[axis] = in.shape[axis] - more;
        common.lower[axis] = -0.5 - kSnap - place.shift[axis];
        common.upper[axis] = static_cast<double>(place.size[axis]) - 0.5 - kSnap - place.shift[axis];
        common.stride[axis] = in.shape[axis] > 1 && !wide ? static_cast<std::int32_t>(strides[axis]) : 0;
    }
    if (moved != nullptr) std::copy_n(moved->field, 9, common.field);
    const Locate mode = method == Method::nearest                                        ? Locate::nearest
                        : method == Method::label_smooth || method == Method::label_thin ? Locate::vote
                                                                                         : Locate::linear;
    const Index tiles_y = (out.shape.y + kTile - 1) / kTile, tiles_z = (out.shape.z + kTile - 1) / kTile;

    const auto segment = [&](Index z, Index y, Index x0, Points& points) {
        const Index count = std::min(kSegment, out.shape.x - x0);
        T* const to = out.row(z, y) + x0;
        Line line = common;
        line.first = static_cast<std::int32_t>(x0);
        for (int axis = 0; axis < 3; ++axis) {
            line.start[axis] =
                matrix.at(axis, static_cast<double>(z), static_cast<double>(y), 0.0) - place.shift[axis];
            if (moved != nullptr) {
                line.displacement[axis] = moved->vectors + axis * out.shape.voxels() + (to - out.data);
            }
        }
        if constexpr (std::is_same_v<S, T>) {
            if (wide) {
                plain_segment(in, line, count, method, fill, to);
                return;
            }
        }
        const Range range = moved == nullptr ? inside_of(line, slope, count) : Range{0, count};
        std::fill(to, to + range.begin, fill);
        std::fill(to + range.end, to + count, fill);
        const Index some = range.end - range.begin;
        if (some == 0) return;
        T* const at = to + range.begin;
        line.first += static_cast<std::int32_t>(range.begin);
        rows().real.locate(line, mode, some, points);
        sample_points(in, line, method, points, some, at);
        if (moved != nullptr && std::memchr(points.inside, 0, static_cast<std::size_t>(some)) != nullptr) {
            for (Index k = 0; k < some; ++k) at[k] = points.inside[k] != 0 ? at[k] : fill;
        }
    };

    double next = 0.0;  // the tile that follows, seen from this one
    for (int axis = 0; axis < 3; ++axis) {
        next += std::nearbyint(static_cast<double>(kTile) * matrix.m[axis][1]) *
                static_cast<double>(strides[axis]);
    }
    const Index ahead = std::abs(next) < 1e9 ? static_cast<Index>(next) : 0;
    const double cost = method == Method::cubic ? 20.0 : method == Method::sinc ? 120.0 : 3.0;
    // A task is a run of tiles along y.
    const Index runs = std::clamp<Index>(64 / tiles_z, 1, tiles_y);
    parallel_for(runs * tiles_z, cost * static_cast<double>(out.shape.voxels()), [&](Index task) {
        Points points;
        points.ahead = ahead;
        const Index z0 = task / runs * kTile, run = task % runs;
        const Index first = run * tiles_y / runs * kTile,
                    last = std::min((run + 1) * tiles_y / runs * kTile, out.shape.y);
        for (Index x0 = 0; x0 < out.shape.x; x0 += kSegment) {
            for (Index y0 = first; y0 < last; y0 += kTile) {
                for (Index z = z0; z < std::min(z0 + kTile, out.shape.z); ++z) {
                    for (Index y = y0; y < std::min(y0 + kTile, out.shape.y); ++y) segment(z, y, x0, points);
                }
            }
        }
    });
}

#define SPINEFX_MAKE(S, T)                                                                             \
    template void sample_affine(View<const S>, View<T>, const Matrix&, Method, T, const Displacement*, \
                                const Place&);
SPINEFX_MAKE(float, float)
SPINEFX_MAKE(float, Half)
SPINEFX_MAKE(float, std::int16_t)
SPINEFX_MAKE(float, std::uint16_t)
SPINEFX_MAKE(float, std::uint8_t)
SPINEFX_MAKE(std::int16_t, std::int16_t)
SPINEFX_MAKE(std::uint16_t, std::uint16_t)
SPINEFX_MAKE(std::uint8_t, std::uint8_t)

}  // namespace spinefx
