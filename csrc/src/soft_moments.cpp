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
    parallel_for(count, 0.2 * static_cast<double>(count * voxels),
                 [&](Index i) { rows().real.moments(maps + i * voxels, shape, out + i * 10); });
}

}  // namespace spinefx
