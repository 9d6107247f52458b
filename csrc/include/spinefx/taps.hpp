// Axis-aligned sampling taken apart: for each axis of the output, where its samples lie in the source.
#pragma once

#include "spinefx/rows.hpp"
#include "spinefx/sampling.hpp"

namespace spinefx {

// The outputs [begin, end) of an axis that are inside the source; the others are fill.
struct Span {
    Index begin = 0, end = 0;

    bool empty() const { return begin >= end; }
};

// Samples of one output axis.
struct AxisTaps : Span {
    Index size = 0, source = 0;  // voxels of the output and of the source along this axis
    Index first = 0, last = 0;   // source voxels used: [first, last]
    Buffer<std::int32_t> low;    // first of two voxels; nearest: the one
    Buffer<std::int32_t> high;   // second of the two
    Buffer<float> weight;        // of the second
    Buffer<std::int32_t> share;  // the same in 1/kVotes
};

AxisTaps make_taps(double scale, double shift, Index size, Index source, bool nearest);

// The x taps of the part that is inside, in blocks of the lanes that `spread` works in.
struct SpreadTaps {
    Buffer<std::int32_t> base, rel;
    Spread spread;
};

SpreadTaps make_spread(const AxisTaps& taps, int lanes);

// A source brought into the output's order of axes and cropped to what is used; a view of the source itself
// where that will do.
template <class T>
struct Arranged {
    View<const T> view;
    Buffer<T> owned;
};

// Permutes `in` so that axis k of the result is axis axes[k] of `in`.
template <class T>
Arranged<T> arrange(View<const T> in, const int axes[3]);

}  // namespace spinefx
