#include "spinefx/rays.hpp"

#include <algorithm>
#include <cmath>
#include <limits>
#include <map>
#include <stdexcept>
#include <vector>

#include "spinefx/measures.hpp"
#include "spinefx/threads.hpp"

namespace spinefx {
namespace {

constexpr double kNone = std::numeric_limits<double>::quiet_NaN();

// One label cut out of its map with a border of nothing: 1 inside, 0 outside.
struct Cut {
    Index low[3];  // index in the map of the first voxel, which is border
    Shape shape{0, 0, 0};
    Buffer<float> share;

    // At an index of the map that lies inside the border's centres.
    double at(double z, double y, double x) const {
        const Index iz = std::min(static_cast<Index>(z), shape.z - 2),
                    iy = std::min(static_cast<Index>(y), shape.y - 2),
                    ix = std::min(static_cast<Index>(x), shape.x - 2);
        const double fz = z - static_cast<double>(iz), fy = y - static_cast<double>(iy),
                     fx = x - static_cast<double>(ix);
        const float* const p = share.data() + (iz * shape.y + iy) * shape.x + ix;
        const Index sy = shape.x, sz = shape.y * shape.x;
        const auto along_x = [fx](const float* from) {
            const double a = static_cast<double>(from[0]), b = static_cast<double>(from[1]);
            return a + fx * (b - a);
        };
        const auto along_y = [&](const float* from) {
            const double a = along_x(from), b = along_x(from + sy);
            return a + fy * (b - a);
        };
        const double a = along_y(p), b = along_y(p + sz);
        return a + fz * (b - a);
    }
};

template <class L>
Cut cut_out(View<const L> labels, const LabelSums& row) {
    Cut cut{};
    cut.shape = {row.box[3] - row.box[0] + 2, row.box[4] - row.box[1] + 2, row.box[5] - row.box[2] + 2};
    for (int a = 0; a < 3; ++a) cut.low[a] = row.box[a] - 1;
    cut.share = Buffer<float>(cut.shape.voxels(), 0.0f);
    const auto value = static_cast<L>(row.value);
    for (Index z = 1; z + 1 < cut.shape.z; ++z) {
        for (Index y = 1; y + 1 < cut.shape.y; ++y) {
            const L* const from = labels.row(cut.low[0] + z, cut.low[1] + y) + cut.low[2];
            float* const to = cut.share.data() + (z * cut.shape.y + y) * cut.shape.x;
            for (Index x = 1; x + 1 < cut.shape.x; ++x) to[x] = from[x] == value ? 1.0f : 0.0f;
        }
    }
    return cut;
}

struct Ray {
    double start[3], step[3];  // in voxels of the cut
    Index count;

    // Samples [first, last) that may lie where the cut has anything.
    std::pair<Index, Index> reach(Shape shape) const {
        double low = 0.0, high = static_cast<double>(count - 1);
        for (int a = 0; a < 3; ++a) {
            const double end = static_cast<double>(shape[a] - 1);
            if (step[a] == 0.0) {
                if (start[a] < 0.0 || start[a] > end) return {0, 0};
                continue;
            }
            const double one = -start[a] / step[a], two = (end - start[a]) / step[a];
            low = std::max(low, std::min(one, two));
            high = std::min(high, std::max(one, two));
        }
        if (!(low <= high)) return {0, 0};
        return {static_cast<Index>(std::ceil(low)), static_cast<Index>(std::floor(high)) + 1};
    }
};

void cast(const Cut& cut, const Ray& ray, const RayHits& hits, Index to) {
    double first = kNone, leave = kNone, last = kNone, length = 0.0, moment = 0.0, before = 0.0;
    const auto [from, end] = ray.reach(cut.shape);
    const auto meet = [&](Index k, double share) {
        const bool was = before >= 0.5, is = share >= 0.5;
        if (was != is) {
            // Before the first sample of all there is nothing to interpolate from.
            const double at = k == 0 ? 0.0 : static_cast<double>(k) - (share - 0.5) / (share - before);
            if (is) {
                if (std::isnan(first)) first = at;
            } else {
                if (std::isnan(leave)) leave = at;
                last = at;
            }
        }
        before = share;
    };
    for (Index k = from; k < end; ++k) {
        double p[3];
        for (int a = 0; a < 3; ++a) {
            p[a] = std::clamp(ray.start[a] + static_cast<double>(k) * ray.step[a], 0.0,
                              static_cast<double>(cut.shape[a] - 1));
        }
        const double share = cut.at(p[0], p[1], p[2]);
        length += share;
        moment += share * static_cast<double>(k);
        meet(k, share);
    }
    if (before >= 0.5) {
        if (end < ray.count) {
            meet(end, 0.0);
        } else {
            last = static_cast<double>(ray.count - 1);
            if (std::isnan(leave)) leave = last;
        }
    }
    hits.first[to] = first;
    hits.leave[to] = leave;
    hits.last[to] = last;
    hits.length[to] = length;
    hits.middle[to] = length > 0.0 ? moment / length : kNone;
}

bool is_sound(const RayField& field) {
    for (int a = 0; a < 3; ++a) {
        for (const double number : {field.start[a], field.row[a], field.column[a], field.step[a]}) {
            if (!(std::abs(number) <= 1e9)) return false;
        }
    }
    return field.rows >= 0 && field.columns >= 0 && field.count >= 0 && field.count <= Index{1} << 40;
}

}  // namespace

template <class L>
void cast_rays(View<const L> labels, const RayField* fields, Index count, const RayHits* hits) {
    if (!std::all_of(fields, fields + count, is_sound))
        throw std::invalid_argument("rays must be finite, with sizes >= 0");
    std::map<std::int64_t, Cut> cuts;
    for (const LabelSums& row : label_sums(labels, View<const float>{nullptr, {}})) {
        const auto wanted = [&row](const RayField& field) { return field.value == row.value; };
        if (std::any_of(fields, fields + count, wanted)) cuts.emplace(row.value, cut_out(labels, row));
    }
    static const Cut nothing{};
    std::vector<std::pair<Index, Index>> rows;  // of rays: field, row
    double work = 0.0;
    for (Index f = 0; f < count; ++f) {
        for (Index i = 0; i < fields[f].rows; ++i) rows.emplace_back(f, i);
        work += 15.0 * static_cast<double>(fields[f].rows) * static_cast<double>(fields[f].columns) *
                static_cast<double>(fields[f].count);
    }
    parallel_for(static_cast<Index>(rows.size()), work, [&](Index task) {
        const auto [f, i] = rows[static_cast<std::size_t>(task)];
        const RayField& field = fields[f];
        const auto found = cuts.find(field.value);
        const Cut& cut = found == cuts.end() ? nothing : found->second;
        for (Index j = 0; j < field.columns; ++j) {
            Ray ray{};
            ray.count = found == cuts.end() ? 0 : field.count;
            for (int a = 0; a < 3; ++a) {
                ray.start[a] = field.start[a] + static_cast<double>(i) * field.row[a] +
                               static_cast<double>(j) * field.column[a] - static_cast<double>(cut.low[a]);
                ray.step[a] = field.step[a];
            }
            cast(cut, ray, hits[f], i * field.columns + j);
        }
    });
}

template void cast_rays(View<const std::uint16_t>, const RayField*, Index, const RayHits*);
template void cast_rays(View<const std::uint8_t>, const RayField*, Index, const RayHits*);

}  // namespace spinefx
