// Areas of the surfaces of all labels in one pass: runs of equal columns are stepped over, cells between
// unlike ones looked up.
#include <algorithm>
#include <utility>

#include "spinefx/distance.hpp"
#include "spinefx/rows.hpp"
#include "spinefx/threads.hpp"

namespace spinefx {
namespace {

constexpr Index kParts = 16;  // slabs summed apart and joined in order, whatever the number of threads

// The voxels of four rows at one x: (z, y) = (0, 0), (0, 1), (1, 0), (1, 1).
template <class L>
struct Column {
    L at[4];

    bool uniform() const { return at[0] == at[1] && at[0] == at[2] && at[0] == at[3]; }
    bool operator==(const Column& other) const { return std::equal(at, at + 4, other.at); }
};

template <class L>
struct Sums {
    const double* areas;
    std::vector<double> by_value;

    // The cell between two columns counts for every label in it.
    void add(const Column<L>& before, const Column<L>& after) {
        // Nearly always there are two of them, and what lies between them is the same for both.
        const L first = before.at[0];
        L second = first;
        unsigned firsts = 0;
        bool two = true;
        for (unsigned corner = 0; corner < 8; ++corner) {
            const L value = corner % 2 == 0 ? before.at[corner / 2] : after.at[corner / 2];
            if (value == first) {
                firsts |= 1U << corner;
            } else {
                two = two && (second == first || second == value);
                second = value;
            }
        }
        if (two) {
            add_to(first, areas[firsts]);
            if (second != first) add_to(second, areas[firsts]);
            return;
        }
        L seen[8];
        int count = 0;
        for (int corner = 0; corner < 8; ++corner) {
            const L value = corner < 4 ? before.at[corner] : after.at[corner - 4];
            if (value == 0 || std::find(seen, seen + count, value) != seen + count) continue;
            seen[count++] = value;
            unsigned set = 0;
            for (unsigned row = 0; row < 4; ++row) {
                set |= (before.at[row] == value ? 1U : 0U) << (2 * row);
                set |= (after.at[row] == value ? 2U : 0U) << (2 * row);
            }
            add_to(value, areas[set]);
        }
    }

    void add_to(L value, double area) {
        if (value == 0) return;
        if (value >= by_value.size()) by_value.resize(value + std::size_t{1}, 0.0);
        by_value[value] += area;
    }

    // One row of cells, closed at both ends.
    void add_row(const L* const rows[4], Index width, Index (*change)(const L* const*, Index, Index, L)) {
        Column<L> before{};
        for (Index x = 0; x < width;) {
            const Column<L> here{{rows[0][x], rows[1][x], rows[2][x], rows[3][x]}};
            if (!(here == before && here.uniform())) add(before, here);
            before = here;
            x = here.uniform() ? change(rows, x, width, here.at[0]) : x + 1;
        }
        add(before, Column<L>{});
    }
};

}  // namespace

template <class L>
std::vector<LabelArea> surface_areas(View<const L> labels, const double spacing[3]) {
    const Shape shape = labels.shape;
    if (shape.voxels() == 0) return {};
    double areas[256];
    cell_areas(spacing, areas);
    const Buffer<L> nothing(shape.x, L{0});
    const auto row_of = [&](Index z, Index y) {
        return z < 0 || z >= shape.z || y < 0 || y >= shape.y ? nothing.data() : labels.row(z, y);
    };
    const auto change = rows().pixels<L>().change;
    const Index planes = shape.z + 1, parts = std::min(kParts, planes);
    std::vector<Sums<L>> made(static_cast<std::size_t>(parts), Sums<L>{areas, {}});
    parallel_for(parts, 0.7 * static_cast<double>(shape.voxels()), [&](Index i) {
        for (Index z = i * planes / parts; z < (i + 1) * planes / parts; ++z) {
            for (Index y = 0; y <= shape.y; ++y) {
                const L* const four[4] = {row_of(z - 1, y - 1), row_of(z - 1, y), row_of(z, y - 1),
                                          row_of(z, y)};
                made[static_cast<std::size_t>(i)].add_row(four, shape.x, change);
            }
        }
    });
    std::vector<double> all;
    for (const Sums<L>& part : made) {
        all.resize(std::max(all.size(), part.by_value.size()), 0.0);
        for (std::size_t value = 0; value < part.by_value.size(); ++value) all[value] += part.by_value[value];
    }
    std::vector<LabelArea> found;
    for (std::size_t value = 0; value < all.size(); ++value) {
        if (all[value] > 0.0) found.push_back({static_cast<std::int64_t>(value), all[value]});
    }
    return found;
}

template std::vector<LabelArea> surface_areas(View<const std::uint16_t>, const double*);
template std::vector<LabelArea> surface_areas(View<const std::uint8_t>, const double*);

}  // namespace spinefx
