// Axis-aligned linear and nearest sampling.
#include <algorithm>

#include "paths.hpp"
#include "spinefx/threads.hpp"

namespace spinefx {
namespace {

constexpr Index kPlaneFloats = 48 * 1024;  // of one plane of a strip: two of them stay in the second cache

// A row, of which pixels up to `last` are used, where kOverread more may be read: itself, or its copy where
// the volume ends before, or is one voxel wide.
template <class T>
const T* readable(View<const T> in, const T* row, Index last, const Buffer<T>& padded) {
    if (in.shape.x > 1 && row + last + kOverread < in.data + in.shape.voxels()) return row;
    std::memcpy(padded.data(), row, static_cast<std::size_t>(last + 1) * sizeof(T));
    padded[last + 1] = padded[last];
    return padded.data();
}

// One tile of the output: strips of source planes are brought to the output's x and y once, then blended
// along z.
template <class T>
class LinearTile {
  public:
    LinearTile(View<const T> in, View<T> out, const AlignedTaps& taps, const Spread& spread, Index y0,
               Index y1, bool stream)
        : in_(in),
          out_(out),
          taps_(taps),
          spread_(spread),
          y0_(y0),
          y1_(y1),
          stream_(stream),
          whole_(spread.count == out.shape.x),
          pitch_(whole_ ? spread.count : (spread.count + 15) / 16 * 16),
          padded_(in.shape.x + kOverread + 1, T{}),
          plane_{Buffer<float>((y1 - y0) * pitch_), Buffer<float>((y1 - y0) * pitch_)},
          row_{Buffer<float>(spread.count + kOverread), Buffer<float>(spread.count + kOverread)} {}

    void run(Index z0, Index z1) {
        const PixelRows<T>& pixels = rows().pixels<T>();
        for (Index z = z0; z < z1; ++z) {
            const Index low = taps_.z.low[z];
            const float weight = taps_.z.weight[z];
            const float* const a = plane(low);
            const float* const b = weight == 0.0f ? a : plane(taps_.z.high[z]);
            if (whole_) {  // the rows of a strip follow each other in both
                pixels.blend(a, b, weight, (y1_ - y0_) * pitch_, out_.row(z, y0_), stream_);
                continue;
            }
            for (Index y = y0_; y < y1_; ++y) {
                const Index at = (y - y0_) * pitch_;
                pixels.blend(a + at, b + at, weight, spread_.count, out_.row(z, y) + taps_.x.begin, stream_);
            }
        }
    }

  private:
    const float* plane(Index z) {
        const int slot = static_cast<int>(z & 1);
        float* const made = plane_[slot].data();
        if (held_plane_[slot] == z) return made;
        held_plane_[slot] = z;
        held_row_[0] = held_row_[1] = -1;
        for (Index y = y0_; y < y1_; ++y) {
            float* const to = made + (y - y0_) * pitch_;
            const float weight = taps_.y.weight[y];
            const float* const a = row(z, taps_.y.low[y]);
            if (weight == 0.0f) {
                std::memcpy(to, a, static_cast<std::size_t>(spread_.count) * sizeof(float));
            } else {
                rows().real.lerp(a, row(z, taps_.y.high[y]), weight, spread_.count, to);
            }
        }
        return made;
    }

    const float* row(Index z, Index y) {
        const int slot = static_cast<int>(y & 1);
        float* const made = row_[slot].data();
        if (held_row_[slot] == y) return made;
        held_row_[slot] = y;
        rows().pixels<T>().spread(readable(in_, in_.row(z, y), taps_.x.last, padded_), spread_, made);
        return made;
    }

    View<const T> in_;
    View<T> out_;
    const AlignedTaps& taps_;
    const Spread& spread_;
    Index y0_, y1_;
    bool stream_;
    bool whole_;  // the output's rows are inside from end to end
    Index pitch_;
    Buffer<T> padded_;
    Buffer<float> plane_[2], row_[2];
    Index held_plane_[2] = {-1, -1}, held_row_[2] = {-1, -1};
};

}  // namespace

template <class T>
void fill_outside(View<T> out, const Span& z, const Span& y, const Span& x, T fill) {
    const Shape& shape = out.shape;
    const bool whole = z.begin == 0 && z.end == shape.z && y.begin == 0 && y.end == shape.y && x.begin == 0 &&
                       x.end == shape.x;
    if (whole) return;
    const bool none = y.empty() || x.empty();
    parallel_for(shape.z, static_cast<double>(shape.voxels()) / 8, [&](Index i) {
        if (none || i < z.begin || i >= z.end) {
            std::fill_n(out.row(i, 0), shape.y * shape.x, fill);
            return;
        }
        for (Index j = 0; j < shape.y; ++j) {
            T* const row = out.row(i, j);
            if (j < y.begin || j >= y.end) {
                std::fill_n(row, shape.x, fill);
            } else {
                std::fill(row, row + x.begin, fill);
                std::fill(row + x.end, row + shape.x, fill);
            }
        }
    });
}

template <class T>
void sample_linear(View<const T> in, View<T> out, const AlignedTaps& taps, T) {
    const SpreadTaps x = make_spread(taps.x, rows().lanes);
    const Index planes = taps.z.end - taps.z.begin, lines = taps.y.end - taps.y.begin, count = x.spread.count;
    const Index strip = std::clamp<Index>(std::min(kPlaneFloats / count, (lines + 7) / 8), 16, 256);
    const Index strips = (lines + strip - 1) / strip;
    // Cut along z as well where strips alone would leave threads idle; each cut costs one more source plane.
    const Index cuts = std::clamp<Index>(std::min<Index>((7 + strips) / strips, planes / 8), 1, planes);
    const Index thick = (planes + cuts - 1) / cuts;
    const bool stream = out.shape.voxels() * static_cast<Index>(sizeof(T)) > kStreamBytes;
    const double work =
        0.3 * static_cast<double>(planes * lines * count) + 0.1 * static_cast<double>(in.shape.voxels());
    parallel_for(strips * cuts, work, [&](Index task) {
        const Index y0 = taps.y.begin + task % strips * strip, z0 = taps.z.begin + task / strips * thick;
        if (z0 >= taps.z.end) return;
        LinearTile<T> tile(in, out, taps, x.spread, y0, std::min(y0 + strip, taps.y.end), stream);
        tile.run(z0, std::min(z0 + thick, taps.z.end));
    });
}

template <class T>
void sample_nearest(View<const T> in, View<T> out, const AlignedTaps& taps, T) {
    const Index count = taps.x.end - taps.x.begin;
    const std::int32_t* const x = taps.x.low.data() + taps.x.begin;
    const SpreadTaps spread = make_spread(taps.x, rows().lanes);
    const bool straight = x[count - 1] - x[0] == count - 1 && (count < 2 || x[1] - x[0] == 1);
    const auto bytes = static_cast<std::size_t>(count) * sizeof(T);
    const double work =
        0.5 * static_cast<double>(count * (taps.y.end - taps.y.begin) * (taps.z.end - taps.z.begin));
    const Index strip = std::max<Index>(1, kStripBytes / static_cast<Index>(bytes));
    const bool stream = out.shape.voxels() * static_cast<Index>(sizeof(T)) > kStreamBytes;
    // Tasks are runs of planes: a row that several planes or rows see is picked once and copied.
    const Index planes = taps.z.end - taps.z.begin, tasks = std::min<Index>(planes, 32);
    parallel_for(tasks, work, [&](Index task) {
        const Index last = taps.z.begin + (task + 1) * planes / tasks;
        const Buffer<T> made(strip * count + kOverread), padded(in.shape.x + kOverread + 1, T{});
        for (Index z0 = taps.z.begin + task * planes / tasks, z1 = z0; z0 < last; z0 = z1) {
            for (z1 = z0 + 1; z1 < last && taps.z.low[z1] == taps.z.low[z0];) ++z1;
            for (Index y0 = taps.y.begin; y0 < taps.y.end; y0 += strip) {
                const Index y1 = std::min(y0 + strip, taps.y.end);
                for (Index y = y0; y < y1; ++y) {
                    T* const to = made.data() + (y - y0) * count;
                    const T* const from = in.row(taps.z.low[z0], taps.y.low[y]);
                    if (y > y0 && taps.y.low[y] == taps.y.low[y - 1]) {
                        std::memcpy(to, to - count, bytes);
                    } else if (straight) {
                        std::memcpy(to, from + x[0], bytes);
                    } else {
                        rows().pixels<T>().choose(readable(in, from, taps.x.last, padded), spread.spread, to);
                    }
                }
                for (Index z = z0; z < z1; ++z) put_strip(out, z, y0, y1, taps.x, made.data(), stream);
            }
        }
    });
}

template <class T>
void put_strip(View<T> out, Index z, Index y0, Index y1, const Span& x, const T* made, bool stream) {
    const Index count = x.end - x.begin;
    const auto bytes = static_cast<std::size_t>(count) * sizeof(T);
    if (count == out.shape.x) {  // the rows follow each other in both
        const std::size_t all = bytes * static_cast<std::size_t>(y1 - y0);
        if (stream) {
            rows().real.stream(made, out.row(z, y0), static_cast<Index>(all));
        } else {
            std::memcpy(out.row(z, y0), made, all);
        }
        return;
    }
    for (Index y = y0; y < y1; ++y) std::memcpy(out.row(z, y) + x.begin, made + (y - y0) * count, bytes);
}

#define SPINEFX_MAKE(T)                                                                 \
    template void fill_outside(View<T>, const Span&, const Span&, const Span&, T);      \
    template void sample_linear(View<const T>, View<T>, const AlignedTaps&, T);         \
    template void put_strip(View<T>, Index, Index, Index, const Span&, const T*, bool); \
    template void sample_nearest(View<const T>, View<T>, const AlignedTaps&, T);
SPINEFX_MAKE(float)
SPINEFX_MAKE(std::int16_t)
SPINEFX_MAKE(std::uint16_t)
SPINEFX_MAKE(std::uint8_t)
template void fill_outside(View<Half>, const Span&, const Span&, const Span&, Half);
template void sample_linear(View<const Half>, View<Half>, const AlignedTaps&, Half);

}  // namespace spinefx
