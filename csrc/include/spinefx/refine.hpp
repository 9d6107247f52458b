// Mending of label maps. No label that is there before is gone after, and no voxel of one label becomes
// another's but by smoothing.
#pragma once

#include "spinefx/core.hpp"

namespace spinefx {

// Cavities, background that no chain of faces joins to the volume's border, get the label that touches most
// of their faces (ties: the smallest), those of more than `largest` voxels excepted. An axis of one voxel has
// no border. Returns how many voxels were filled.
template <class L>
Index fill_holes(View<L> labels, Index largest);

// Of every label other than 0 only the largest piece stays (ties: the first); voxels of the others become 0.
// Pieces hang together by faces (connectivity 6), edges (18) or corners (26): std::invalid_argument for
// others. Returns how many voxels were removed.
template <class L>
Index keep_largest(View<L> labels, int connectivity);

// Every voxel gets the label, 0 among them, that has the largest share of a Gaussian neighbourhood (ties: the
// smallest); beyond the volume its outermost voxels go on. Labels that would keep less than `least` of their
// voxels (thin sheets and strands) are put back whole. `sigma` along z, y, x in voxels, >= 0; `in` and `out`
// must not overlap.
template <class L>
void smooth_labels(View<const L> in, View<L> out, const double sigma[3], double least);

}  // namespace spinefx
