#include "components.hpp"

#include <algorithm>

#include "spinefx/rows.hpp"

namespace spinefx {
namespace {

Index root_of(std::vector<Run>& runs, Index at) {
    const auto of = [&runs](Index i) -> Run& { return runs[static_cast<std::size_t>(i)]; };
    while (of(at).piece != at) {
        of(at).piece = of(of(at).piece).piece;
        at = of(at).piece;
    }
    return at;
}

// Joins runs of one label in two rows, numbered [a, a_end) and [b, b_end), that are at most `slack` columns
// short of lying side by side.
void join(std::vector<Run>& runs, Index a, Index a_end, Index b, Index b_end, Index slack) {
    const auto of = [&runs](Index i) -> Run& { return runs[static_cast<std::size_t>(i)]; };
    for (; a < a_end; ++a) {
        while (b < b_end && of(b).last + slack <= of(a).first) ++b;
        for (Index i = b; i < b_end && of(i).first < of(a).last + slack; ++i) {
            if (of(i).label != of(a).label) continue;
            const Index x = root_of(runs, a), y = root_of(runs, i);
            of(std::max(x, y)).piece = std::min(x, y);
        }
    }
}

}  // namespace

template <class L>
std::vector<Run> find_pieces(View<const L> labels, bool background, int connectivity) {
    const auto change = rows().pixels<L>().change;
    const Shape shape = labels.shape;
    std::vector<Run> runs;
    std::vector<Index> starts;
    const Index corner = connectivity == 26 ? 1 : 0, edge = connectivity >= 18 ? 1 : 0;
    for (Index z = 0; z < shape.z; ++z) {
        for (Index y = 0; y < shape.y; ++y) {
            starts.push_back(static_cast<Index>(runs.size()));
            const L* const row = labels.row(z, y);
            const L* const four[4] = {row, row, row, row};
            for (Index a = 0, b = 0; a < shape.x; a = b) {
                b = change(four, a, shape.x, row[a]);
                if ((row[a] == 0) != background) continue;
                const auto number = static_cast<Index>(runs.size());
                runs.push_back({z, y, a, b, static_cast<std::int64_t>(row[a]), number});
            }
        }
    }
    starts.push_back(static_cast<Index>(runs.size()));
    const auto join_rows = [&](Index z, Index y, Index to_z, Index to_y, Index slack) {
        if (to_z < 0 || to_y < 0 || to_y >= shape.y) return;
        const auto here = static_cast<std::size_t>(z * shape.y + y),
                   there = static_cast<std::size_t>(to_z * shape.y + to_y);
        join(runs, starts[here], starts[here + 1], starts[there], starts[there + 1], slack);
    };
    for (Index z = 0; z < shape.z; ++z) {
        for (Index y = 0; y < shape.y; ++y) {
            join_rows(z, y, z, y - 1, edge);
            join_rows(z, y, z - 1, y, edge);
            if (edge == 0) continue;
            join_rows(z, y, z - 1, y - 1, corner);
            join_rows(z, y, z - 1, y + 1, corner);
        }
    }
    for (Index i = 0; i < static_cast<Index>(runs.size()); ++i) {
        runs[static_cast<std::size_t>(i)].piece = root_of(runs, i);
    }
    return runs;
}

template std::vector<Run> find_pieces(View<const std::uint16_t>, bool, int);
template std::vector<Run> find_pieces(View<const std::uint8_t>, bool, int);

}  // namespace spinefx
