// The distance transform, axis by axis: runs along x in closed form, then lower envelopes of parabolas along
// y and z, sixteen lines side by side.
#include "spinefx/distance.hpp"

#include <algorithm>
#include <vector>

#include "spinefx/rows.hpp"
#include "spinefx/threads.hpp"

namespace spinefx {
namespace {

constexpr Index kLines = 16;  // lines that one envelope solves
constexpr Index kChunk = 64;  // lines that are fetched together: whole cache lines of every plane

// Where a row is not zero: columns [low, high).
struct Span {
    Index low, high;

    void add(Span other) {
        if (other.low >= other.high) return;
        low = low < high ? std::min(low, other.low) : other.low;
        high = std::max(high, other.high);
    }
};

// Squared distances along x; the columns that hold anything.
template <class L>
Span along_row(const L* labels, Index width, float step, bool with_background, float* out) {
    const auto change = rows().pixels<L>().change;
    const L* const four[4] = {labels, labels, labels, labels};
    Span span{0, 0};
    for (Index a = 0, b = 0; a < width; a = b) {
        b = change(four, a, width, labels[a]);
        if (labels[a] == 0 && !with_background) {
            std::fill(out + a, out + b, 0.0f);
        } else {
            rows().real.ramp(b - a, a > 0, b < width, step, out + a);
            span.add({a, b});
        }
    }
    return span;
}

// Scratch for chunks of lines of one length.
template <class L>
struct Lines {
    Index count;
    Buffer<float> height{count * kChunk}, before{count * kLines}, after{count * kLines},
        found{count * kLines};
    Buffer<L> labels{count * kLines};

    explicit Lines(Index length) : count(length) {}

    // Replaces columns [low, high) of `count` rows, `stride` apart, by their envelopes along the rows.
    void solve(const L* from, float* data, Index stride, Span span, float step, bool with_background) {
        for (Index x = span.low; x < span.high; x += kChunk) {
            const Index wide = std::min(kChunk, span.high - x);
            fetch(data + x, stride, wide);
            for (Index tile = 0; tile < wide; tile += kLines) {
                const Index some = std::min(kLines, wide - tile);
                const float* const heights = height.data() + tile * count;
                for (Index row = 0; row < count; ++row) {
                    const L* const source = from + row * stride + x + tile;
                    std::copy(source, source + some, labels.data() + row * kLines);
                    std::fill(labels.data() + row * kLines + some, labels.data() + (row + 1) * kLines, L{0});
                }
                const bool touch = rows().pixels<L>().boundaries(labels.data(), count, with_background,
                                                                 before.data(), after.data());
                const LineSites sites{heights, touch ? before.data() : nullptr,
                                      touch ? after.data() : nullptr, count, step};
                rows().real.envelope(sites, found.data());
                for (Index row = 0; row < count; ++row) {
                    const float* const result = found.data() + row * kLines;
                    std::copy(result, result + some, data + row * stride + x + tile);
                }
            }
        }
    }

  private:
    // Tiles of sixteen columns, one after the other; what is missing of the last one is 0.
    void fetch(const float* data, Index stride, Index wide) {
        for (Index row = 0; row < count; ++row) {
            for (Index tile = 0; tile < wide; tile += kLines) {
                const Index some = std::min(kLines, wide - tile);
                float* const to = height.data() + tile * count + row * kLines;
                const float* const source = data + row * stride + tile;
                std::copy(source, source + some, to);
                std::fill(to + some, to + kLines, 0.0f);
            }
        }
    }
};

}  // namespace

template <class L>
void distance_transform(View<const L> labels, const double spacing[3], bool with_background, float* out) {
    const Shape shape = labels.shape;
    if (shape.voxels() == 0) return;
    const float step[3] = {static_cast<float>(spacing[0]), static_cast<float>(spacing[1]),
                           static_cast<float>(spacing[2])};
    std::vector<Span> spans(static_cast<std::size_t>(shape.z * shape.y), Span{0, 0});
    const double work = 2.0 * static_cast<double>(shape.voxels());
    parallel_for(shape.z, work, [&](Index z) {
        Span* const plane = spans.data() + z * shape.y;
        Span all{0, 0};
        Index first = shape.y, last = 0;
        for (Index y = 0; y < shape.y; ++y) {
            plane[y] = along_row(labels.row(z, y), shape.x, step[2], with_background,
                                 out + (z * shape.y + y) * shape.x);
            if (plane[y].low >= plane[y].high) continue;
            all.add(plane[y]);
            first = std::min(first, y);
            last = y;
        }
        if (first > last) return;
        // One row of nothing on either side, where there is one.
        first = std::max<Index>(0, first - 1);
        last = std::min(shape.y - 1, last + 1);
        Lines<L>(last - first + 1)
            .solve(labels.row(z, first), out + (z * shape.y + first) * shape.x, shape.x, all, step[1],
                   with_background);
    });
    parallel_for(shape.y, work, [&](Index y) {
        Span all{0, 0};
        Index first = shape.z, last = 0;
        for (Index z = 0; z < shape.z; ++z) {
            const Span span = spans[static_cast<std::size_t>(z * shape.y + y)];
            if (span.low >= span.high) continue;
            all.add(span);
            first = std::min(first, z);
            last = z;
        }
        if (first > last) return;
        first = std::max<Index>(0, first - 1);
        last = std::min(shape.z - 1, last + 1);
        const Index stride = shape.y * shape.x;
        float* const from = out + first * stride + y * shape.x;
        Lines<L>(last - first + 1).solve(labels.row(first, y), from, stride, all, step[0], with_background);
        for (Index z = 0; z <= last - first; ++z) {
            rows().real.root(from + z * stride + all.low, all.high - all.low);
        }
    });
}

template void distance_transform(View<const std::uint16_t>, const double*, bool, float*);
template void distance_transform(View<const std::uint8_t>, const double*, bool, float*);

}  // namespace spinefx
