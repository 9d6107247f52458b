// Label statistics in one pass: runs of equal labels are summed in closed form, intensities voxel by voxel.
#include <algorithm>
#include <array>
#include <limits>
#include <memory>
#include <stdexcept>

#include "spinefx/measures.hpp"
#include "spinefx/moments.hpp"
#include "spinefx/rows.hpp"
#include "spinefx/threads.hpp"

namespace spinefx {
namespace {

constexpr Index kParts =
    16;  // slabs of planes summed apart and joined in order, whatever the number of threads

template <class T>
using Exact = std::conditional_t<std::is_floating_point_v<T>, double, std::int64_t>;

// Sums of one label in one slab. Intensities are summed as differences from the first one seen, so that
// squares stay small.
template <class T>
struct Row {
    std::int64_t value = 0, voxels = 0, first[3] = {}, second[6] = {};
    std::int64_t low[3] = {}, high[3] = {};
    Exact<T> shift{}, sum{}, squares{};
    T minimum{}, maximum{};
    std::vector<T> values;  // where percentiles are wanted

    void add_run(Index z, Index y, Index a, Index b) {
        if (voxels == 0) {
            low[0] = z, low[1] = y, low[2] = a;
            high[0] = z + 1, high[1] = y + 1, high[2] = b;
        } else {
            const std::int64_t from[3] = {z, y, a}, to[3] = {z + 1, y + 1, b};
            for (int i = 0; i < 3; ++i) {
                low[i] = std::min(low[i], from[i]);
                high[i] = std::max(high[i], to[i]);
            }
        }
        const RunSums run = sums_of_run(z, y, a, b);
        voxels += run.voxels;
        for (int i = 0; i < 3; ++i) first[i] += run.first[i];
        for (int i = 0; i < 6; ++i) second[i] += run.second[i];
    }

    void add_pixels(const T* from, const T* to) {
        if (voxels == 0) {
            shift = static_cast<Exact<T>>(*from);
            minimum = maximum = *from;
        }
        for (; from != to; ++from) {
            const Exact<T> difference = static_cast<Exact<T>>(*from) - shift;
            sum += difference;
            squares += difference * difference;
            minimum = std::min(minimum, *from);
            maximum = std::max(maximum, *from);
        }
    }

    void join(const Row& other, bool pixels) {
        if (pixels) {
            const Exact<T> n = static_cast<Exact<T>>(other.voxels), move = other.shift - shift;
            squares += other.squares + Exact<T>{2} * move * other.sum + n * move * move;
            sum += other.sum + n * move;
            minimum = std::min(minimum, other.minimum);
            maximum = std::max(maximum, other.maximum);
            values.insert(values.end(), other.values.begin(), other.values.end());
        }
        voxels += other.voxels;
        for (int i = 0; i < 3; ++i) {
            first[i] += other.first[i];
            low[i] = std::min(low[i], other.low[i]);
            high[i] = std::max(high[i], other.high[i]);
        }
        for (int i = 0; i < 6; ++i) second[i] += other.second[i];
    }

    LabelSums finish(bool pixels) const {
        LabelSums made{};
        made.value = value;
        made.voxels = voxels;
        std::copy_n(first, 3, made.first);
        std::copy_n(second, 6, made.second);
        std::copy_n(low, 3, made.box);
        std::copy_n(high, 3, made.box + 3);
        if (pixels) {
            const double n = static_cast<double>(voxels), off = static_cast<double>(sum) / n;
            made.total = static_cast<double>(sum) + n * static_cast<double>(shift);
            made.variance = std::max(0.0, static_cast<double>(squares) / n - off * off);
            made.minimum = static_cast<double>(minimum);
            made.maximum = static_cast<double>(maximum);
        }
        return made;
    }
};

// Rows of one slab, found by label through pages that are made when they are needed: most maps hold a few
// labels only.
template <class T>
struct Part {
    using Page = std::array<std::int32_t, 256>;

    std::vector<Row<T>> rows;
    std::array<std::unique_ptr<Page>, 256> pages;

    Row<T>& of(std::int64_t value) {
        std::unique_ptr<Page>& page = pages[static_cast<std::size_t>(value >> 8)];
        if (!page) {
            page = std::make_unique<Page>();
            page->fill(-1);
        }
        std::int32_t& at = (*page)[static_cast<std::size_t>(value & 255)];
        if (at < 0) {
            at = static_cast<std::int32_t>(rows.size());
            rows.emplace_back();
            rows.back().value = value;
        }
        return rows[static_cast<std::size_t>(at)];
    }
};

template <class L, class T>
void sum_planes(View<const L> labels, View<const T> image, bool keep, Index z0, Index z1, Part<T>& part) {
    const auto change = rows().pixels<L>().change;
    const Index width = labels.shape.x;
    for (Index z = z0; z < z1; ++z) {
        for (Index y = 0; y < labels.shape.y; ++y) {
            const L* const row = labels.row(z, y);
            const L* const four[4] = {row, row, row, row};
            for (Index a = 0, b = 0; a < width; a = b) {
                b = change(four, a, width, row[a]);
                if (row[a] == 0) continue;
                Row<T>& sums = part.of(static_cast<std::int64_t>(row[a]));
                if (image.data != nullptr) {
                    const T* const pixels = image.row(z, y);
                    sums.add_pixels(pixels + a, pixels + b);
                    if (keep) sums.values.insert(sums.values.end(), pixels + a, pixels + b);
                }
                sums.add_run(z, y, a, b);
            }
        }
    }
}

// Percentiles as NumPy gives them by default; `values` is put in another order.
template <class T>
std::vector<double> percentiles_of(std::vector<T>& values, const std::vector<double>& percents) {
    if constexpr (std::is_floating_point_v<T>) {
        if (std::any_of(values.begin(), values.end(), [](T v) { return v != v; }))
            return std::vector<double>(percents.size(), std::numeric_limits<double>::quiet_NaN());
    }
    std::vector<double> made;
    for (const double percent : percents) {
        const double place = percent / 100.0 * static_cast<double>(values.size() - 1);
        const auto below = static_cast<std::ptrdiff_t>(place);
        const auto at = values.begin() + below;
        std::nth_element(values.begin(), at, values.end());
        const double low = static_cast<double>(*at), share = place - static_cast<double>(below);
        const double high = share > 0.0 ? static_cast<double>(*std::min_element(at + 1, values.end())) : low;
        made.push_back(share > 0.0 ? low + share * (high - low) : low);
    }
    return made;
}

}  // namespace

template <class L, class T>
std::vector<LabelSums> label_sums(View<const L> labels, View<const T> image,
                                  const std::vector<double>& percents) {
    if (!std::all_of(percents.begin(), percents.end(), [](double p) { return p >= 0.0 && p <= 100.0; }))
        throw std::invalid_argument("percents must be in 0..100");
    check_moments(labels.shape);
    const Index parts = std::min(kParts, labels.shape.z), bytes = static_cast<Index>(sizeof(L));
    const bool pixels = image.data != nullptr, keep = pixels && !percents.empty();
    const double work = static_cast<double>(labels.shape.voxels() * bytes) * (pixels ? 0.3 : 0.05);
    std::vector<std::unique_ptr<Part<T>>> made(static_cast<std::size_t>(parts));
    parallel_for(parts, work, [&](Index i) {
        auto part = std::make_unique<Part<T>>();
        sum_planes(labels, image, keep, i * labels.shape.z / parts, (i + 1) * labels.shape.z / parts, *part);
        made[static_cast<std::size_t>(i)] = std::move(part);
    });
    Part<T> all;
    for (const auto& part : made) {
        for (Row<T>& row : part->rows) {
            Row<T>& sums = all.of(row.value);
            if (sums.voxels == 0) {
                sums = std::move(row);
            } else {
                sums.join(row, pixels);
            }
        }
    }
    std::sort(all.rows.begin(), all.rows.end(),
              [](const Row<T>& a, const Row<T>& b) { return a.value < b.value; });
    std::vector<LabelSums> out;
    for (const Row<T>& row : all.rows) out.push_back(row.finish(pixels));
    if (keep) {
        parallel_for(static_cast<Index>(out.size()), 10.0 * static_cast<double>(labels.shape.voxels()),
                     [&](Index i) {
                         const auto at = static_cast<std::size_t>(i);
                         out[at].percentiles = percentiles_of(all.rows[at].values, percents);
                     });
    }
    return out;
}

#define SPINEFX_MAKE_FOR(L, T) \
    template std::vector<LabelSums> label_sums(View<const L>, View<const T>, const std::vector<double>&);
#define SPINEFX_MAKE(L)                \
    SPINEFX_MAKE_FOR(L, float)         \
    SPINEFX_MAKE_FOR(L, std::int16_t)  \
    SPINEFX_MAKE_FOR(L, std::uint16_t) \
    SPINEFX_MAKE_FOR(L, std::uint8_t)
SPINEFX_MAKE(std::uint16_t)
SPINEFX_MAKE(std::uint8_t)

}  // namespace spinefx
