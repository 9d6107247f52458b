// The paths behind `sample`; private to csrc/src.
#pragma once

#include "spinefx/sample.hpp"
#include "spinefx/taps.hpp"

namespace spinefx {

struct AlignedTaps {
    AxisTaps z, y, x;
};

// Outputs are filled whole, fill included. `in` is arranged in the output's order of axes.
template <class T>
void sample_linear(View<const T> in, View<T> out, const AlignedTaps& taps, T fill);
template <class T>
void sample_nearest(View<const T> in, View<T> out, const AlignedTaps& taps, T fill);
template <class T>
void sample_votes(View<const T> in, View<T> out, const AlignedTaps& taps, T fill);
template <class T>
void sample_affine(View<const T> in, View<T> out, const Matrix& matrix, Method method, T fill,
                   const Displacement* moved);

// Paints the thin parts of labels over what the vote left.
template <class T>
void paint_thin(View<const T> in, View<T> out, const Matrix& matrix, const Displacement* moved);

// Fills everything of `out` that the taps leave outside.
template <class T>
void fill_outside(View<T> out, const AlignedTaps& taps, T fill);

}  // namespace spinefx
