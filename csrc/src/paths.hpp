// The paths behind `sample`; private to csrc/src.
#pragma once

#include "spinefx/filters.hpp"
#include "spinefx/sample.hpp"
#include "spinefx/taps.hpp"

namespace spinefx {

struct AlignedTaps {
    AxisTaps z, y, x;
};

constexpr Index kStreamBytes = Index{1} << 23;  // results above this go past the caches
constexpr Index kStripBytes = 8192;  // of rows that are made in the first cache and then put to their places

// Outputs are filled whole, fill included. `in` is arranged in the output's order of axes.
template <class T>
void sample_linear(View<const T> in, View<T> out, const AlignedTaps& taps, T fill);
template <class T>
void sample_nearest(View<const T> in, View<T> out, const AlignedTaps& taps, T fill);
template <class T>
void sample_votes(View<const T> in, View<T> out, const AlignedTaps& taps, T fill);

// Where the volume that a path samples lies in the source.
struct Place {
    double shift[3];  // of its first voxel; for filters of several voxels, of the place that weighs it first
    Index size[3];    // of the source, which decides what is inside
};

// S is T, or float with a filter already applied. Throws std::invalid_argument for 2^31 voxels and more where
// S is not T.
template <class S, class T>
void sample_affine(View<const S> in, View<T> out, const Matrix& matrix, Method method, T fill,
                   const Displacement* moved, const Place& place);

// The same for what needs a filtered float copy of the part of the source that is seen: cubic, sinc,
// antialias and 16-bit floats. `stretch` is the kernel's, along each source axis.
template <class T>
void sample_prepared(View<const T> in, View<T> out, const Matrix& matrix, Method method,
                     const double stretch[3], T fill, const Displacement* moved);

// Paints the thin parts of labels over what the vote left.
template <class T>
void paint_thin(View<const T> in, View<T> out, const Matrix& matrix, const Displacement* moved);

// Copies the rows [y0, y1) of a plane, the part in `x` of each, from where they follow each other; `stream`
// goes past the caches.
template <class T>
void put_strip(View<T> out, Index z, Index y0, Index y1, const Span& x, const T* made, bool stream);

// Fills everything of `out` that is outside any of the three spans.
template <class T>
void fill_outside(View<T> out, const Span& z, const Span& y, const Span& x, T fill);

}  // namespace spinefx
