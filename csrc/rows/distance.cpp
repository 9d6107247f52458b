// One pass of the distance transform: sixteen lines side by side, each the lower envelope of parabolas.
#include <math.h>  // the functions of C: those of C++ are inline, and could become everybody's

#include "rows.hpp"

namespace spinefx::SPINEFX_ISA {
namespace {

SPINEFX_HD Wide at_row(const float* tile, Index row) {
    Wide made;
    std::memcpy(&made, tile + row * kWide, sizeof(made));
    return made;
}

SPINEFX_HD void put_row(float* tile, Index row, Wide value) {
    std::memcpy(tile + row * kWide, &value, sizeof(value));
}

SPINEFX_HD Wide all(float value) {
    return Wide{} + value;
}

SPINEFX_HD float apart(Index a, Index b, float step) {
    const float far = static_cast<float>(a - b) * step;
    return far * far;
}

// Rows of sites, both ends included.
struct Range {
    Index low, high;
};

struct Lines {
    const LineSites& sites;
    float* out;

    // The nearest boundary between labels, or the voxel's own site; the place it lies at.
    SPINEFX_HD void start(Index row, Wide& best, Wide& place) const {
        best = at_row(sites.height, row);
        place = all(static_cast<float>(row));
        if (sites.before == nullptr) return;
        const Wide before = at_row(sites.before, row), after = at_row(sites.after, row);
        const Wide a = before * sites.step, b = after * sites.step, here = place;
        take(a * a, here - before, best, place);
        take(b * b, here + after, best, place);
    }

    // Sites farther than the best so far cannot win.
    SPINEFX_HD Index reach(Wide best) const {
        const float most = largest(best);
        const float rows = sqrtf(most) / sites.step + 1.0f;
        return rows < static_cast<float>(sites.count) ? static_cast<Index>(rows) : sites.count;
    }

    SPINEFX_HD Range near(Index row, Wide best, Range range) const {
        const Index far = reach(best);
        return {range.low > row - far ? range.low : row - far,
                range.high < row + far ? range.high : row + far};
    }

    // One row, with the places where its lanes found their minimum.
    SPINEFX_HD Range row(Index row, Range range) const {
        Wide best, place;
        start(row, best, place);
        const Range some = near(row, best, range);
        for (Index q = some.low; q <= some.high; ++q) {
            take(at_row(sites.height, q) + apart(q, row, sites.step), all(static_cast<float>(q)), best,
                 place);
        }
        put_row(out, row, best);
        return {static_cast<Index>(smallest(place)), static_cast<Index>(largest(place))};
    }

    // One row whose places nobody asks for.
    SPINEFX_HD void last_row(Index row, Range range) const {
        Wide best, place;
        start(row, best, place);
        const Range some = near(row, best, range);
        for (Index q = some.low; q <= some.high; ++q) {
            best = smaller(at_row(sites.height, q) + apart(q, row, sites.step), best);
        }
        put_row(out, row, best);
    }

    // Rows [first, last), sites in `range`: the middle row first; the others find theirs on their side of it,
    // since the place of the minimum never moves back along a line.
    void solve(Index first, Index last, Range range) const {
        while (last - first > 1) {
            const Index middle = first + (last - first) / 2;
            const Range found = row(middle, range);
            solve(first, middle, {range.low, found.high < range.high ? found.high : range.high});
            range.low = found.low > range.low ? found.low : range.low;
            first = middle + 1;
        }
        if (first < last) last_row(first, range);
    }
};

}  // namespace

void envelope(const LineSites& sites, float* out) {
    const Lines lines{sites, out};
    Index row = 0;
    while (row < sites.count) {
        Index end = row;
        while (end < sites.count && largest(at_row(sites.height, end)) > 0.0f) ++end;
        if (end == row) {
            put_row(out, row, Wide{});
            ++row;
            continue;
        }
        // The rows of nothing but zeros on both sides are nearer than all that lies beyond them.
        lines.solve(row, end, {row > 0 ? row - 1 : 0, end < sites.count ? end : sites.count - 1});
        row = end;
    }
}

template <class T>
bool boundaries(const T* labels, Index count, bool with_background, float* before, float* after) {
    if constexpr (std::is_floating_point_v<T>) {
        return false;  // images have no boundaries
    } else {
        unsigned touching = 0;
        for (Index i = kWide; i < count * kWide; ++i) {
            const T a = labels[i - kWide], b = labels[i];
            touching |= static_cast<unsigned>(a != b) & static_cast<unsigned>(with_background || a != 0) &
                        static_cast<unsigned>(with_background || b != 0);
        }
        if (touching == 0) return false;
        constexpr float kNone = HUGE_VALF;
        for (Index i = 0; i < kWide; ++i) before[i] = after[(count - 1) * kWide + i] = kNone;
        for (Index i = kWide; i < count * kWide; ++i) {
            before[i] = labels[i] == labels[i - kWide] ? before[i - kWide] + 1.0f : 1.0f;
        }
        for (Index row = count - 2; row >= 0; --row) {
            for (Index i = row * kWide; i < (row + 1) * kWide; ++i) {
                after[i] = labels[i] == labels[i + kWide] ? after[i + kWide] + 1.0f : 1.0f;
            }
        }
        return true;
    }
}

void ramp(Index count, bool left, bool right, float step, float* out) {
    const float none = HUGE_VALF;
    for (Index i = 0; i < count; ++i) {
        const float a = left ? static_cast<float>(static_cast<std::int32_t>(i) + 1) : none;
        const float b = right ? static_cast<float>(static_cast<std::int32_t>(count - i)) : none;
        const float near = (a < b ? a : b) * step;
        out[i] = near * near;
    }
}

void root(float* row, Index count) {
    for (Index i = 0; i < count; ++i) row[i] = sqrtf(row[i]);
}

#define SPINEFX_MAKE(T) template bool boundaries<T>(const T*, Index, bool, float*, float*);
SPINEFX_FOR_PIXELS(SPINEFX_MAKE)

}  // namespace spinefx::SPINEFX_ISA
