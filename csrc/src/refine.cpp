#include "spinefx/refine.hpp"

#include <algorithm>
#include <map>
#include <stdexcept>
#include <string>
#include <vector>

#include "components.hpp"

namespace spinefx {
namespace {

template <class L>
void paint(View<L> labels, const Run& run, L value) {
    L* const row = labels.row(run.z, run.y);
    std::fill(row + run.first, row + run.last, value);
}

// Whether a run lies at the border of an axis that has one.
bool at_border(const Run& run, Shape shape) {
    const auto ends = [](Index first, Index last, Index n) { return n > 1 && (first == 0 || last == n); };
    return ends(run.z, run.z + 1, shape.z) || ends(run.y, run.y + 1, shape.y) ||
           ends(run.first, run.last, shape.x);
}

using Votes = std::map<std::int64_t, Index>;

// Counts the labels across the faces of a run of background.
template <class L>
void count_faces(View<const L> labels, const Run& run, Votes& votes) {
    const auto add = [&votes](L label) {
        if (label != 0) ++votes[static_cast<std::int64_t>(label)];
    };
    const L* const row = labels.row(run.z, run.y);
    if (run.first > 0) add(row[run.first - 1]);
    if (run.last < labels.shape.x) add(row[run.last]);
    constexpr Index kSides[4][2] = {{-1, 0}, {1, 0}, {0, -1}, {0, 1}};
    for (const auto& [dz, dy] : kSides) {
        const Index z = run.z + dz, y = run.y + dy;
        if (z < 0 || z >= labels.shape.z || y < 0 || y >= labels.shape.y) continue;
        const L* const other = labels.row(z, y);
        for (Index x = run.first; x < run.last; ++x) add(other[x]);
    }
}

}  // namespace

template <class L>
Index fill_holes(View<L> labels, Index largest) {
    const auto runs = find_pieces<L>(labels, true, 6);
    std::vector<Index> voxels(runs.size(), 0);
    std::vector<char> open(runs.size(), 0);
    for (const Run& run : runs) {
        voxels[static_cast<std::size_t>(run.piece)] += run.last - run.first;
        if (at_border(run, labels.shape)) open[static_cast<std::size_t>(run.piece)] = 1;
    }
    const auto is_hole = [&](const Run& run) {
        const auto piece = static_cast<std::size_t>(run.piece);
        return open[piece] == 0 && voxels[piece] <= largest;
    };
    std::map<Index, Votes> votes;
    for (const Run& run : runs) {
        if (is_hole(run)) count_faces<L>(labels, run, votes[run.piece]);
    }
    Index filled = 0;
    for (const Run& run : runs) {
        if (!is_hole(run) || votes[run.piece].empty()) continue;
        const Votes& found = votes[run.piece];
        const auto most = std::max_element(found.begin(), found.end(),
                                           [](const auto& a, const auto& b) { return a.second < b.second; });
        paint(labels, run, static_cast<L>(most->first));
        filled += run.last - run.first;
    }
    return filled;
}

template <class L>
Index keep_largest(View<L> labels, int connectivity) {
    if (connectivity != 6 && connectivity != 18 && connectivity != 26) {
        throw std::invalid_argument("connectivity must be 6, 18 or 26, got " + std::to_string(connectivity));
    }
    const auto runs = find_pieces<L>(labels, false, connectivity);
    std::vector<Index> voxels(runs.size(), 0);
    for (const Run& run : runs) voxels[static_cast<std::size_t>(run.piece)] += run.last - run.first;
    std::map<std::int64_t, Index> best;  // label -> piece
    for (const Run& run : runs) {
        const auto [at, fresh] = best.emplace(run.label, run.piece);
        if (voxels[static_cast<std::size_t>(run.piece)] > voxels[static_cast<std::size_t>(at->second)])
            at->second = run.piece;
    }
    Index removed = 0;
    for (const Run& run : runs) {
        if (best[run.label] == run.piece) continue;
        paint(labels, run, L{0});
        removed += run.last - run.first;
    }
    return removed;
}

template Index fill_holes(View<std::uint16_t>, Index);
template Index fill_holes(View<std::uint8_t>, Index);
template Index keep_largest(View<std::uint16_t>, int);
template Index keep_largest(View<std::uint8_t>, int);

}  // namespace spinefx
