// Label maps smoothed by a Gaussian, slab by slab and label by label: no one-hot volume.
#include <algorithm>
#include <cmath>
#include <map>
#include <set>
#include <stdexcept>
#include <vector>

#include "spinefx/measures.hpp"
#include "spinefx/refine.hpp"
#include "spinefx/threads.hpp"

namespace spinefx {
namespace {

constexpr Index kSlab = 8;           // planes that are smoothed together
constexpr double kDeviations = 3.0;  // as far as the Gaussian is followed

// Weights at distances 0, 1, ... ; both sides sum to 1.
std::vector<float> taps_of(double sigma) {
    if (!(sigma >= 0.0 && sigma <= 1e4)) throw std::invalid_argument("sigma must be in 0..10000 voxels");
    const auto reach = static_cast<Index>(std::ceil(kDeviations * sigma));
    std::vector<double> weights;
    double sum = 0.0;
    for (Index i = 0; i <= reach; ++i) {
        const double far = sigma > 0.0 ? static_cast<double>(i) / sigma : 0.0;
        weights.push_back(std::exp(-0.5 * far * far));
        sum += i == 0 ? weights.back() : 2.0 * weights.back();
    }
    std::vector<float> taps;
    for (const double weight : weights) taps.push_back(static_cast<float>(weight / sum));
    return taps;
}

Index reach_of(const std::vector<float>& taps) {
    return static_cast<Index>(taps.size()) - 1;
}

// out[i] += weight * in[i]
void add(const float* SPINEFX_RESTRICT in, float weight, Index count, float* SPINEFX_RESTRICT out) {
    for (Index i = 0; i < count; ++i) out[i] += weight * in[i];
}

struct Block {
    Index low[3], high[3];

    Index size(int axis) const { return high[axis] - low[axis]; }
};

template <class L>
struct Slab {
    View<const L> in;
    const std::vector<float> (&taps)[3];
    Index first, last;  // planes
    Buffer<float> best, total;
    Buffer<L> label;

    Slab(View<const L> labels, const std::vector<float> (&weights)[3], Index from, Index to)
        : in(labels), taps(weights), first(from), last(to) {
        const Index voxels = (to - from) * labels.shape.y * labels.shape.x;
        best = Buffer<float>(voxels, 0.0f);
        total = Buffer<float>(voxels, 0.0f);
        label = Buffer<L>(voxels, L{0});
    }

    // The label's shares in this slab compete with those before it.
    void add_label(const LabelSums& row) {
        Block from{}, to{};  // where the label lies, and where it has a share
        for (int a = 0; a < 3; ++a) {
            const Index far = reach_of(taps[a]);
            to.low[a] = std::max<Index>(a == 0 ? first : 0, row.box[a] - far);
            to.high[a] = std::min(a == 0 ? last : in.shape[a], row.box[a + 3] + far);
            from.low[a] = std::max(row.box[a], to.low[a] - far);
            from.high[a] = std::min<Index>(row.box[a + 3], to.high[a] + far);
            if (from.low[a] >= from.high[a] || to.low[a] >= to.high[a]) return;
        }
        compete(static_cast<L>(row.value), to, smoothed(static_cast<L>(row.value), from, to));
    }

    // The label wherever the background has no larger share.
    void finish(View<L> out) const {
        const Index start = first * in.shape.y * in.shape.x;
        for (Index i = 0; i < label.size(); ++i) {
            const float background = 1.0f - total[i];
            out.data[start + i] = best[i] > background ? label[i] : L{0};
        }
    }

  private:
    Buffer<float> smoothed(L value, const Block& from, const Block& to) const {
        Buffer<float> inside(from.size(0) * from.size(1) * from.size(2));
        for (Index z = 0; z < from.size(0); ++z) {
            for (Index y = 0; y < from.size(1); ++y) {
                const L* const row = in.row(from.low[0] + z, from.low[1] + y) + from.low[2];
                float* const made = inside.data() + (z * from.size(1) + y) * from.size(2);
                for (Index x = 0; x < from.size(2); ++x) made[x] = row[x] == value ? 1.0f : 0.0f;
            }
        }
        const Buffer<float> rows = along(inside, 2, from, to, from.size(0) * from.size(1), 1);
        const Buffer<float> planes = along(rows, 1, from, to, from.size(0), to.size(2));
        return along(planes, 0, from, to, 1, to.size(1) * to.size(2));
    }

    // `shares` (outer, from.size(axis), inner) smoothed to (outer, to.size(axis), inner). Beyond the volume
    // its outermost voxels go on, so that what is cut off stays cut off straight.
    Buffer<float> along(const Buffer<float>& shares, int axis, const Block& from, const Block& to,
                        Index outer, Index inner) const {
        const Index far = reach_of(taps[axis]), count = from.size(axis), wide = to.size(axis);
        Buffer<float> padded((wide + 2 * far) * inner), made(outer * wide * inner, 0.0f);
        for (Index o = 0; o < outer; ++o) {
            for (Index i = 0; i < wide + 2 * far; ++i) {
                const Index at =
                    std::clamp<Index>(to.low[axis] - far + i, 0, in.shape[axis] - 1) - from.low[axis];
                float* const row = padded.data() + i * inner;
                if (at >= 0 && at < count) {
                    std::copy_n(shares.data() + (o * count + at) * inner, inner, row);
                } else {
                    std::fill_n(row, inner, 0.0f);
                }
            }
            for (Index k = -far; k <= far; ++k) {
                add(padded.data() + (far + k) * inner, taps[axis][static_cast<std::size_t>(std::abs(k))],
                    wide * inner, made.data() + o * wide * inner);
            }
        }
        return made;
    }

    void compete(L value, const Block& block, const Buffer<float>& share) {
        for (Index z = 0; z < block.size(0); ++z) {
            for (Index y = 0; y < block.size(1); ++y) {
                const Index at =
                    ((block.low[0] - first + z) * in.shape.y + block.low[1] + y) * in.shape.x + block.low[2];
                const float* const from = share.data() + (z * block.size(1) + y) * block.size(2);
                for (Index x = 0; x < block.size(2); ++x) {
                    total[at + x] += from[x];
                    if (from[x] > best[at + x]) {
                        best[at + x] = from[x];
                        label[at + x] = value;
                    }
                }
            }
        }
    }
};

template <class L>
void put_back(View<const L> in, View<L> out, const LabelSums& row) {
    const auto value = static_cast<L>(row.value);
    for (Index z = row.box[0]; z < row.box[3]; ++z) {
        for (Index y = row.box[1]; y < row.box[4]; ++y) {
            const L* const source = in.row(z, y);
            L* const to = out.row(z, y);
            for (Index x = row.box[2]; x < row.box[5]; ++x) {
                if (source[x] == value) to[x] = value;
            }
        }
    }
}

}  // namespace

template <class L>
void smooth_labels(View<const L> in, View<L> out, const double sigma[3], double least) {
    if (!(in.shape == out.shape)) throw std::invalid_argument("the label maps differ in shape");
    if (!(least >= 0.0 && least <= 1.0)) throw std::invalid_argument("least must be in 0..1");
    const std::vector<float> taps[3] = {taps_of(sigma[0]), taps_of(sigma[1]), taps_of(sigma[2])};
    const auto before = label_sums(in, View<const float>{nullptr, {}});
    double work = static_cast<double>(in.shape.voxels());
    for (const LabelSums& row : before) {
        work += 10.0 * static_cast<double>((row.box[3] - row.box[0]) * (row.box[4] - row.box[1]) *
                                           (row.box[5] - row.box[2]));
    }
    parallel_for((in.shape.z + kSlab - 1) / kSlab, work, [&](Index i) {
        Slab<L> slab(in, taps, i * kSlab, std::min(in.shape.z, (i + 1) * kSlab));
        for (const LabelSums& row : before) slab.add_label(row);
        slab.finish(out);
    });
    // Labels that lost too much are put back, and those that lose too much by that.
    std::set<std::int64_t> whole;
    for (std::size_t known = 1; known != whole.size();) {
        known = whole.size();
        std::map<std::int64_t, std::int64_t> left;
        for (const LabelSums& row : label_sums<L, float>(out, {nullptr, {}})) left[row.value] = row.voxels;
        for (const LabelSums& row : before) {
            const auto voxels = static_cast<double>(left[row.value]);
            const bool kept = voxels > 0.0 && voxels >= least * static_cast<double>(row.voxels);
            if (!kept && whole.insert(row.value).second) put_back(in, out, row);
        }
        if (whole.empty()) break;
    }
}

template void smooth_labels(View<const std::uint16_t>, View<std::uint16_t>, const double*, double);
template void smooth_labels(View<const std::uint8_t>, View<std::uint8_t>, const double*, double);

}  // namespace spinefx
