// Connected pieces of a label map as runs along x; private to csrc/src. Only what refining needs: whoever
// wants the pieces themselves takes cc3d.
#pragma once

#include <vector>

#include "spinefx/core.hpp"

namespace spinefx {

struct Run {
    Index z, y, first, last;  // columns [first, last)
    std::int64_t label;
    Index piece;  // number of a run that stands for the piece
};

// The runs of the background, or of all labels other than 0, in memory order, joined to pieces of one label
// each. Connectivity 6, 18 or 26.
template <class L>
std::vector<Run> find_pieces(View<const L> labels, bool background, int connectivity);

}  // namespace spinefx
