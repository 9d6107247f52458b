#include <algorithm>

#include "spinefx/measures.hpp"
#include "spinefx/rows.hpp"
#include "spinefx/threads.hpp"

namespace spinefx {

void soft_moments(const float* maps, Index count, Shape shape, double* out) {
    const Index voxels = shape.voxels();
    if (voxels == 0) {
        std::fill_n(out, count * 10, 0.0);
        return;
    }
    // A task is a run of maps, since each asks for the next.
    const Index run = std::clamp<Index>(count / 64, 1, 16), runs = (count + run - 1) / run;
    parallel_for(runs, 0.1 * static_cast<double>(count * voxels), [&](Index task) {
        const Index first = task * run, some = std::min(run, count - first);
        rows().real.moments(maps + first * voxels, some, shape, out + first * 10);
    });
}

}  // namespace spinefx
