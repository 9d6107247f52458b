// Separable filters of several voxels: cubic B-splines, windowed sincs, and what keeps fine detail from
// folding into a coarser grid. For each axis of the output: which source voxels each sample weighs.
#pragma once

#include "spinefx/rows.hpp"
#include "spinefx/taps.hpp"

namespace spinefx {

// tent: linear. spline: cubic, on coefficients. lanczos: the sinc under its own central lobe, kLanczos zeros
// wide.
enum class Kernel { tent, spline, lanczos };

struct FilterTaps : Span {
    Index size = 0, source = 0;  // voxels of the output and of the source along this axis
    Index first = 0, last = 0;   // source voxels used: [first, last]
    Index taps = 0;              // voxels that each output weighs
    Buffer<std::int32_t> low;    // the first of them
    Buffer<float> weight;        // size * taps

    Filter filter(Index origin) const { return {low.data(), weight.data(), taps, origin}; }
};

// Output i samples the source at scale * i + shift with the kernel stretched by `stretch` (>= 1; 1
// interpolates). Weights sum to one. Beyond the ends a tent sees nothing, a spline the mirrored and a sinc
// the outermost voxels. `extend`: every output is inside, positions are held to the outer centres.
FilterTaps make_filter(Kernel kernel, double scale, double shift, Index size, Index source, double stretch,
                       bool extend);

// Output i is source voxel i + shift, mirrored about the ends.
FilterTaps make_mirror(Index shift, Index size, Index source);

struct AlignedFilters {
    FilterTaps z, y, x;
    bool spline;  // samples become B-spline coefficients first
};

// Fills what `filters` sees inside; T's other voxels are left alone. `in` is arranged in the output's order
// of axes. Scratch: the source planes that are used, filtered along y and x.
template <class S, class T>
void sample_filtered(View<const S> in, View<T> out, const AlignedFilters& filters);

// sinc weights at kSincSteps + 1 places from one voxel to the next, for the row kernel.
const float* sinc_table();

}  // namespace spinefx
