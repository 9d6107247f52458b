#include "spinefx/taps.hpp"

#include <algorithm>

#include "spinefx/threads.hpp"

namespace spinefx {

AxisTaps make_taps(double scale, double shift, Index size, Index source, bool nearest) {
    constexpr Index kPad = 16;
    AxisTaps taps;
    taps.size = size;
    taps.source = source;
    taps.low = Buffer<std::int32_t>(size + kPad, 0);
    taps.high = Buffer<std::int32_t>(size + kPad, 0);
    taps.weight = Buffer<float>(size + kPad, 0.0f);
    taps.share = Buffer<std::int32_t>(size + kPad, 0);
    taps.begin = size;
    taps.first = source;
    taps.last = -1;
    for (Index i = 0; i < size; ++i) {
        const double position = scale * static_cast<double>(i) + shift;
        if (!is_inside(position, source)) continue;
        taps.begin = std::min(taps.begin, i);
        taps.end = i + 1;
        Cell cell = cell_at(position, source);
        if (nearest) cell = {nearest_at(position, source), nearest_at(position, source), 0.0};
        taps.low[i] = static_cast<std::int32_t>(cell.low);
        taps.high[i] = static_cast<std::int32_t>(cell.high);
        taps.weight[i] = static_cast<float>(cell.fraction);
        taps.share[i] = share_of(cell.fraction);
        taps.first = std::min(taps.first, cell.low);
        taps.last = std::max(taps.last, cell.high);
    }
    return taps;
}

SpreadTaps make_spread(const AxisTaps& taps, int lanes) {
    const Index count = taps.end - taps.begin, blocks = (count + lanes - 1) / lanes;
    SpreadTaps made{Buffer<std::int32_t>(blocks, 0), Buffer<std::int32_t>(blocks * lanes, 0), {}};
    const std::int32_t* const low = taps.low.data() + taps.begin;
    bool narrow = lanes > 1;
    for (Index block = 0; block < blocks; ++block) {
        const Index from = block * lanes, to = std::min(count, from + lanes);
        const std::int32_t base = *std::min_element(low + from, low + to);
        made.base[block] = base;
        for (Index i = from; i < to; ++i) {
            made.rel[i] = low[i] - base;
            narrow = narrow && made.rel[i] < 2 * lanes - 1;
        }
    }
    made.spread = {count, low, taps.weight.data() + taps.begin, made.base.data(), made.rel.data(), narrow};
    return made;
}

template <class T>
Arranged<T> arrange(View<const T> in, const int axes[3]) {
    if (axes[0] == 0 && axes[1] == 1 && axes[2] == 2) return {in, {}};
    const Shape shape{in.shape[axes[0]], in.shape[axes[1]], in.shape[axes[2]]};
    const Index strides[3] = {in.shape.y * in.shape.x, in.shape.x, 1};
    const Index sz = strides[axes[0]], sy = strides[axes[1]], sx = strides[axes[2]];
    Arranged<T> made{{nullptr, shape}, Buffer<T>(shape.voxels())};
    T* const to = made.owned.data();
    // Blocks small enough that both the rows read and the rows written stay in the first cache.
    constexpr Index kBlock = 32;
    const bool swap_zx = axes[2] == 0;
    const Index outer = swap_zx ? shape.y : shape.z, inner = swap_zx ? shape.z : shape.y;
    parallel_for(outer, static_cast<double>(shape.voxels()), [&](Index o) {
        for (Index i0 = 0; i0 < inner; i0 += kBlock) {
            for (Index x0 = 0; x0 < shape.x; x0 += kBlock) {
                const Index i1 = std::min(inner, i0 + kBlock), x1 = std::min(shape.x, x0 + kBlock);
                for (Index i = i0; i < i1; ++i) {
                    const Index z = swap_zx ? i : o, y = swap_zx ? o : i;
                    const T* const from = in.data + z * sz + y * sy;
                    T* const row = to + (z * shape.y + y) * shape.x;
                    for (Index x = x0; x < x1; ++x) row[x] = from[x * sx];
                }
            }
        }
    });
    made.view.data = to;
    return made;
}

template Arranged<Half> arrange(View<const Half>, const int*);
template Arranged<float> arrange(View<const float>, const int*);
template Arranged<std::int16_t> arrange(View<const std::int16_t>, const int*);
template Arranged<std::uint16_t> arrange(View<const std::uint16_t>, const int*);
template Arranged<std::uint8_t> arrange(View<const std::uint8_t>, const int*);

}  // namespace spinefx
