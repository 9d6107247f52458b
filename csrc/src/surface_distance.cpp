// Distances between the surfaces of labels in two maps, from surface cell to surface cell, weighted by area.
#include <algorithm>
#include <array>
#include <cmath>
#include <limits>
#include <map>
#include <stdexcept>

#include "spinefx/distance.hpp"
#include "spinefx/measures.hpp"
#include "spinefx/threads.hpp"

namespace spinefx {
namespace {

constexpr double kFar = std::numeric_limits<double>::infinity();

// Cells round the voxels of a box: cell (0, 0, 0) has voxel `low` as its last corner.
struct Cells {
    Index low[3];
    Shape shape;
};

// The cells that one label's surface passes.
struct Surface {
    std::vector<Index> cells;
    std::vector<double> areas;
    Buffer<std::uint8_t> off;  // per cell: 0 on the surface, 1 off it

    double area() const {
        double sum = 0.0;
        for (const double part : areas) sum += part;
        return sum;
    }
};

// The sets of corners of one row of cells; `rows` of voxels, 0 or 1: those of (z, y) = (0, 0), (0, 1), (1,
// 0), (1, 1).
void find_corners(const std::uint8_t* const rows[4], Index count, std::uint8_t* SPINEFX_RESTRICT out) {
    const std::uint8_t* SPINEFX_RESTRICT const a = rows[0];
    const std::uint8_t* SPINEFX_RESTRICT const b = rows[1];
    const std::uint8_t* SPINEFX_RESTRICT const c = rows[2];
    const std::uint8_t* SPINEFX_RESTRICT const d = rows[3];
    for (Index x = 0; x < count; ++x) {
        out[x] = static_cast<std::uint8_t>(a[x] | a[x + 1] << 1 | b[x] << 2 | b[x + 1] << 3 | c[x] << 4 |
                                           c[x + 1] << 5 | d[x] << 6 | d[x + 1] << 7);
    }
}

template <class L>
Surface find_surface(View<const L> labels, L value, const Cells& cells, const double* areas) {
    const Shape shape = cells.shape;
    const Index width = shape.x + 1;  // of the voxels: one of nothing on either side
    Buffer<std::uint8_t> planes(2 * (shape.y + 1) * width, 0), corners(shape.x);
    Surface made;
    made.off = Buffer<std::uint8_t>(shape.voxels());
    for (Index z = 0; z < shape.z; ++z) {
        // The voxels before this row of cells and after it.
        std::uint8_t* const plane[2] = {planes.data() + z % 2 * (shape.y + 1) * width,
                                        planes.data() + (z + 1) % 2 * (shape.y + 1) * width};
        for (Index y = 1; y < shape.y; ++y) {
            std::uint8_t* const to = plane[1] + y * width;
            if (z + 1 == shape.z) {
                std::fill_n(to, width, std::uint8_t{0});
                continue;
            }
            const L* const from = labels.row(cells.low[0] + z, cells.low[1] + y - 1) + cells.low[2];
            for (Index x = 1; x < shape.x; ++x) to[x] = from[x - 1] == value ? 1 : 0;
        }
        for (Index y = 0; y < shape.y; ++y) {
            const std::uint8_t* const four[4] = {plane[0] + y * width, plane[0] + (y + 1) * width,
                                                 plane[1] + y * width, plane[1] + (y + 1) * width};
            find_corners(four, shape.x, corners.data());
            const Index first = (z * shape.y + y) * shape.x;
            for (Index x = 0; x < shape.x; ++x) {
                const bool on = corners[x] != 0 && corners[x] != 255;
                made.off[first + x] = on ? 0 : 1;
                if (!on) continue;
                made.cells.push_back(first + x);
                made.areas.push_back(areas[corners[x]]);
            }
        }
    }
    return made;
}

// Distances of the cells of one surface to the nearest cell of another, with their areas.
struct Way {
    std::vector<std::pair<float, double>> steps;

    Way(const Surface& from, const Surface& to, Shape shape, const double spacing[3]) {
        Buffer<float> far(shape.voxels());
        distance_transform(View<const std::uint8_t>{to.off.data(), shape}, spacing, false, far.data());
        steps.reserve(from.cells.size());
        for (std::size_t i = 0; i < from.cells.size(); ++i)
            steps.emplace_back(far[from.cells[i]], from.areas[i]);
    }

    double largest() const {
        return static_cast<double>(std::max_element(steps.begin(), steps.end())->first);
    }

    // The smallest distance within which at least this much area lies, found by halves; the steps are put in
    // another order.
    double within_which(double wanted) {
        auto low = steps.begin(), high = steps.end();
        while (high - low > 1) {
            const auto middle = low + (high - low) / 2;
            std::nth_element(low, middle, high);
            double nearer = 0.0;
            for (auto at = low; at != middle; ++at) nearer += at->second;
            if (nearer >= wanted) {
                high = middle;
            } else {
                wanted -= nearer;
                low = middle;
            }
        }
        return static_cast<double>(low->first);
    }

    double moment() const {
        double sum = 0.0;
        for (const auto& [far, part] : steps) sum += static_cast<double>(far) * part;
        return sum;
    }

    double within(double tolerance) const {
        double sum = 0.0;
        for (const auto& [far, part] : steps) sum += static_cast<double>(far) <= tolerance ? part : 0.0;
        return sum;
    }
};

template <class L>
void compare(View<const L> first, View<const L> second, const Cells& cells, const double spacing[3],
             const double* areas, double percent, const std::vector<double>& tolerances,
             SurfaceDistance& row) {
    const auto value = static_cast<L>(row.value);
    const Surface a = find_surface(first, value, cells, areas), b = find_surface(second, value, cells, areas);
    row.first = a.area();
    row.second = b.area();
    if (a.cells.empty() || b.cells.empty()) {
        row.largest = row.percentile = row.mean = kFar;
        row.within.assign(tolerances.size(), 0.0);
        return;
    }
    Way there(a, b, cells.shape, spacing), back(b, a, cells.shape, spacing);
    const double area = row.first + row.second;
    row.largest = std::max(there.largest(), back.largest());
    row.mean = (there.moment() + back.moment()) / area;
    for (const double tolerance : tolerances) {
        row.within.push_back((there.within(tolerance) + back.within(tolerance)) / area);
    }
    // Last, since it reorders the steps: sums in the areas' own order make a whole exactly 1.
    row.percentile = std::max(there.within_which(percent / 100.0 * row.first),
                              back.within_which(percent / 100.0 * row.second));
}

}  // namespace

template <class L>
std::vector<SurfaceDistance> surface_distances(View<const L> first, View<const L> second,
                                               const double spacing[3], double percent,
                                               const std::vector<double>& tolerances) {
    if (!(first.shape == second.shape)) throw std::invalid_argument("the label maps differ in shape");
    if (!(percent > 0.0 && percent <= 100.0)) throw std::invalid_argument("percent must be > 0 and <= 100");
    std::map<std::int64_t, std::array<Index, 6>> boxes;
    for (const auto& map : {first, second}) {
        for (const LabelSums& sums : label_sums(map, View<const float>{nullptr, {}})) {
            std::array<Index, 6> box{};
            std::copy_n(sums.box, 6, box.begin());
            const auto [at, fresh] = boxes.emplace(sums.value, box);
            for (std::size_t i = 0; i < 3 && !fresh; ++i) {
                at->second[i] = std::min(at->second[i], box[i]);
                at->second[i + 3] = std::max(at->second[i + 3], box[i + 3]);
            }
        }
    }
    std::vector<SurfaceDistance> made;
    std::vector<Cells> cells;
    double work = 0.0;
    for (const auto& [value, box] : boxes) {
        made.push_back({});
        made.back().value = value;
        cells.push_back(
            {{box[0], box[1], box[2]}, {box[3] - box[0] + 1, box[4] - box[1] + 1, box[5] - box[2] + 1}});
        work += 20.0 * static_cast<double>(cells.back().shape.voxels());
    }
    double areas[256];
    cell_areas(spacing, areas);
    parallel_for(static_cast<Index>(made.size()), work, [&](Index i) {
        const auto at = static_cast<std::size_t>(i);
        compare(first, second, cells[at], spacing, areas, percent, tolerances, made[at]);
    });
    return made;
}

#define SPINEFX_MAKE(L)                                                                                  \
    template std::vector<SurfaceDistance> surface_distances(View<const L>, View<const L>, const double*, \
                                                            double, const std::vector<double>&);
SPINEFX_MAKE(std::uint16_t)
SPINEFX_MAKE(std::uint8_t)

}  // namespace spinefx
