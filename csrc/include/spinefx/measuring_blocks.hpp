// Label sums and soft moments as bodies for blocks of threads: the numbers of csrc/src, bit for bit.
#pragma once

#include <vector>

#include "spinefx/blocks.hpp"
#include "spinefx/measures.hpp"
#include "spinefx/moments.hpp"

namespace spinefx {

// Adds up every label of a map into `table` (labels, kSums), zeroed before: voxels, first (z, y, x) and
// second (zz, yy, xx, zy, zx, yx) moments, then how far the box reaches from the far end back to its first
// index, and its end (z, y, x each). Whole numbers only, so the order of blocks and threads changes no bit.
template <class L>
struct LabelSumsBody {
    static constexpr int kThreads = 256;
    static constexpr int kSums = 16;
    static constexpr int kNear = 256;     // labels below are summed in the block first
    static constexpr Index kRun = 32;     // voxels of a row that a thread takes at once
    static constexpr Index kMost = 2048;  // blocks; each sets up and empties its sums once

    struct Shared {
        std::int64_t sums[kNear][kSums];
    };

    const L* labels;
    Shape shape;
    std::int64_t* table;

    SPINEFX_HD Index runs() const { return shape.z * shape.y * ceil_div(shape.x, kRun); }
    SPINEFX_HD Index blocks() const {
        const Index wanted = ceil_div(runs(), kThreads);
        return wanted < kMost ? wanted : kMost;
    }
    SPINEFX_HD int phases() const { return 3; }

    SPINEFX_HD void operator()(int phase, Index block, int thread, Shared& shared) const {
        if (phase == 0) {
            for (int i = thread; i < kNear * kSums; i += kThreads) shared.sums[i / kSums][i % kSums] = 0;
        } else if (phase == 1) {
            const Index step = blocks() * kThreads;
            for (Index run = block * kThreads + thread; run < runs(); run += step) add_part(run, shared);
        } else {
            for (int i = thread; i < kNear * kSums; i += kThreads) {
                const std::int64_t sum = shared.sums[i / kSums][i % kSums];
                if (sum == 0) continue;
                if (i % kSums < 10) {
                    add_to(table[i], sum);
                } else {
                    raise_to(table[i], sum);
                }
            }
        }
    }

  private:
    SPINEFX_HD void add_part(Index run, Shared& shared) const {
        const Index a_row = ceil_div(shape.x, kRun), row = run / a_row;
        const Index from = run % a_row * kRun, to = from + kRun < shape.x ? from + kRun : shape.x;
        const L* const voxels = labels + row * shape.x;
        for (Index a = from, b = from; a < to; a = b) {
            const L label = voxels[a];
            for (b = a + 1; b < to && voxels[b] == label;) ++b;
            if (label == 0) continue;
            std::int64_t* const sums =
                label < kNear ? shared.sums[label] : table + static_cast<Index>(label) * kSums;
            add_run(row / shape.y, row % shape.y, a, b, sums);
        }
    }

    // Voxels [a, b) of a row.
    SPINEFX_HD void add_run(Index z, Index y, Index a, Index b, std::int64_t* sums) const {
        const RunSums run = sums_of_run(z, y, a, b);
        add_to(sums[0], run.voxels);
        for (int i = 0; i < 3; ++i) add_to(sums[1 + i], run.first[i]);
        for (int i = 0; i < 6; ++i) add_to(sums[4 + i], run.second[i]);
        const Index low[3] = {z, y, a}, high[3] = {z + 1, y + 1, b};
        for (int i = 0; i < 3; ++i) {
            raise_to(sums[10 + i], shape[i] - low[i]);
            raise_to(sums[13 + i], high[i]);
        }
    }
};

// The rows of the labels that are there, from the table of LabelSumsBody<L>.
template <class L>
std::vector<LabelSums> rows_of(const std::int64_t* table, const Shape& shape) {
    constexpr int kSums = LabelSumsBody<L>::kSums;
    std::vector<LabelSums> made;
    for (std::int64_t label = 1; label < std::int64_t{1} << 8 * sizeof(L); ++label) {
        const std::int64_t* const sums = table + label * kSums;
        if (sums[0] == 0) continue;
        LabelSums row{};
        row.value = label;
        row.voxels = sums[0];
        for (int i = 0; i < 3; ++i) {
            row.first[i] = sums[1 + i];
            row.box[i] = shape[i] - sums[10 + i];
            row.box[3 + i] = sums[13 + i];
        }
        for (int i = 0; i < 6; ++i) row.second[i] = sums[4 + i];
        made.push_back(row);
    }
    return made;
}

// Ten sums for each of `count` maps; see `soft_moments`. A block takes some whole maps: their columns of
// kPlanes planes are summed in float, then over z and then over x in double, in the order of the CPU.
struct SoftMomentsBody {
    static constexpr int kThreads = 256;
    static constexpr int kWide = 32, kDeep = 8, kMaps = 16;  // columns along x and z, and maps, at once

    struct Shared {
        float part[kThreads][6];     // of one column of kPlanes planes
        double column[kThreads][6];  // over all planes so far
        double sums[kMaps][10];
    };

    const float* maps;
    Index count;
    Shape shape;
    double* out;
    int wide, deep, many;  // how the threads of a block are shared out: many * deep * wide <= kThreads

    static SoftMomentsBody make(const float* maps, Index count, Shape shape, double* out) {
        const auto least = [](Index a, int b) { return a < b ? static_cast<int>(a) : b; };
        SoftMomentsBody made{maps, count, shape, out, 1, 1, 1};
        if (shape.voxels() > 0) {
            made.wide = least(shape.x, kWide);
            made.deep = least(ceil_div(shape.z, kPlanes), kDeep);
            made.many = least(kThreads / (made.wide * made.deep), kMaps);
        }
        return made;
    }

    // Rounds along x, and along z within each; an empty map has none and keeps its zeros.
    SPINEFX_HD Index rounds_x() const { return shape.voxels() > 0 ? ceil_div(shape.x, wide) : 0; }
    SPINEFX_HD Index rounds_z() const { return ceil_div(ceil_div(shape.z, kPlanes), deep); }
    SPINEFX_HD Index blocks() const { return ceil_div(count, many); }
    SPINEFX_HD int phases() const { return static_cast<int>(2 + rounds_x() * (2 * rounds_z() + 1)); }

    SPINEFX_HD void operator()(int phase, Index block, int thread, Shared& shared) const {
        const Index first = block * many;
        const int maps_here = static_cast<int>(first + many < count ? many : count - first);
        const bool sums = thread < maps_here * 10;  // this thread holds a sum of a map
        double* const sum = &shared.sums[0][0] + thread;
        if (phase == 0) {
            if (sums) *sum = 0.0;
            return;
        }
        if (phase == phases() - 1) {
            if (sums) out[first * 10 + thread] = *sum;
            return;
        }
        const Index step = 2 * rounds_z() + 1, round_x = (phase - 1) / step, inner = (phase - 1) % step;
        const Index x0 = round_x * wide, x1 = x0 + wide < shape.x ? x0 + wide : shape.x;
        if (inner == step - 1) {
            if (!sums) return;
            const int map = thread / 10;
            for (Index x = x0; x < x1; ++x)
                *sum += column_sum(thread % 10, static_cast<double>(x), shared.column[map * wide + (x - x0)]);
        } else if (inner % 2 == 0) {
            const int map = thread / (wide * deep), layer = thread / wide % deep;
            const Index x = x0 + thread % wide, z = (inner / 2 * deep + layer) * kPlanes;
            if (map < maps_here && x < x1 && z < shape.z)
                sum_column(maps + (first + map) * shape.voxels() + x, z, shared.part[thread]);
        } else {
            const int map = thread / wide;
            if (map >= maps_here || x0 + thread % wide >= x1) return;
            ColumnMoments all{};
            double* const kept = shared.column[thread];
            if (inner > 1) all = {kept[0], kept[1], kept[2], kept[3], kept[4], kept[5]};
            for (int layer = 0; layer < deep; ++layer) {
                const Index z = (inner / 2 * deep + layer) * kPlanes;
                if (z >= shape.z) break;
                add_planes(static_cast<double>(z), shared.part[(map * deep + layer) * wide + thread % wide],
                           all);
            }
            const double now[6] = {all.mass, all.z, all.zz, all.y, all.yy, all.zy};
            for (int i = 0; i < 6; ++i) kept[i] = now[i];
        }
    }

  private:
    // Planes [z, z + kPlanes) of one column.
    SPINEFX_HD void sum_column(const float* column, Index z, float part[6]) const {
        const Index end = z + kPlanes < shape.z ? z + kPlanes : shape.z;
        const Index plane = shape.y * shape.x, row = shape.x;
        const Index ny = shape.y;
        plane_moments<float>(
            z, end,
            [=](Index at) {
                const float* const from = column + at * plane;
                return row_moments<float>(ny, [=](Index y) { return from[y * row]; });
            },
            part);
    }
};

}  // namespace spinefx
