// Axis-aligned label-smooth. Cells of eight equal voxels are found as runs and written as runs; votes are
// counted only where labels meet, and there for two labels by one weighted sum.
#include <algorithm>
#include <array>
#include <cstring>
#include <vector>

#include "paths.hpp"
#include "spinefx/threads.hpp"

namespace spinefx {
namespace {

template <class T>
struct Run {
    Index begin, end;  // outputs, counted along ascending source x
    T label;
};

template <class T>
struct Meeting {
    Index begin, end;
    std::array<T, 8> label;  // of the cell's corners, order z, y, x
    T first, second;         // the two labels, where there are just two
    std::uint8_t low, high;  // which of the four (z, y) corners hold `first`, at the cell's low and high x
    bool two;
};

template <class T>
Meeting<T> meet(const T* const rows[4], Index low, Index high, Index begin, Index end) {
    const T first = rows[0][low];
    T second = first;
    unsigned lows = 0, highs = 0;
    for (unsigned i = 4; i-- > 0;) {
        const T a = rows[i][low], b = rows[i][high];
        second = b != first ? b : second;
        second = a != first ? a : second;
        lows |= a == first ? 1U << i : 0U;
        highs |= b == first ? 1U << i : 0U;
    }
    Meeting<T> made{
        begin, end, {}, first, second, static_cast<std::uint8_t>(lows), static_cast<std::uint8_t>(highs),
        true};
    for (unsigned i = 0; i < 4; ++i) {
        const T a = rows[i][low], b = rows[i][high];
        made.label[2 * i] = a;
        made.label[2 * i + 1] = b;
        made.two = made.two && (a == first || a == second) && (b == first || b == second);
    }
    return made;
}

// All output rows whose cells lie between the same four source rows.
template <class T>
class Votes {
  public:
    Votes(View<const T> in, View<T> out, const AlignedTaps& taps) : in_(in), out_(out), taps_(taps) {
        const AxisTaps& x = taps.x;
        stream_ = out.shape.voxels() * static_cast<Index>(sizeof(T)) > kStreamBytes;
        flipped_ = x.low[x.begin] > x.low[x.end - 1];
        starts_.assign(static_cast<std::size_t>(x.source + 2), 0);
        for (Index i = x.begin; i < x.end; ++i) ++starts_[static_cast<std::size_t>(x.low[i] + 1)];
        for (std::size_t i = 1; i < starts_.size(); ++i) starts_[i] += starts_[i - 1];
    }

    // What a thread works with: the rows of a strip, and their cells.
    struct Scratch {
        std::vector<Run<T>> runs;
        std::vector<Meeting<T>> meetings;
        struct Row {
            std::size_t runs, meetings;  // where those of the row end
        };
        std::vector<Row> rows;
        Buffer<T> made;
        Buffer<std::uint8_t> mixed;
    };

    void plane_group(Index z0, Index z1, Scratch& scratch) const {
        const AxisTaps& y = taps_.y;
        const Index width = taps_.x.end - taps_.x.begin;
        const Index strip = std::max<Index>(1, kStripBytes / (width * static_cast<Index>(sizeof(T))));
        scratch.made = Buffer<T>(strip * width);
        scratch.mixed = Buffer<std::uint8_t>(taps_.x.last + 1 - taps_.x.first);
        for (Index y0 = y.begin; y0 < y.end; y0 += strip) {
            const Index y1 = std::min(y0 + strip, y.end);
            scratch.runs.clear();
            scratch.meetings.clear();
            scratch.rows.clear();
            for (Index row = y0; row < y1; ++row) {
                if (row == y0 || y.low[row] != y.low[row - 1])
                    scan(taps_.z.low[z0], taps_.z.high[z0], y.low[row], y.high[row], scratch);
                scratch.rows.push_back({scratch.runs.size(), scratch.meetings.size()});
            }
            for (Index z = z0; z < z1; ++z) {
                typename Scratch::Row from{0, 0}, to{0, 0};
                for (Index row = y0; row < y1; ++row) {
                    if (row == y0 || y.low[row] != y.low[row - 1]) {
                        from = to;
                        to = scratch.rows[static_cast<std::size_t>(row - y0)];
                    }
                    T* const made = scratch.made.data() + (row - y0) * width;
                    if (z == z0) fill(scratch, from.runs, to.runs, made);  // the same for all planes
                    if (from.meetings < to.meetings) vote(z, row, scratch, from.meetings, to.meetings, made);
                }
                put_strip(out_, z, y0, y1, taps_.x, scratch.made.data(), stream_);
            }
        }
    }

  private:
    Index start(Index cell) const { return starts_[static_cast<std::size_t>(cell)]; }

    void scan(Index z_low, Index z_high, Index y_low, Index y_high, Scratch& scratch) const {
        const T* const four[4] = {in_.row(z_low, y_low), in_.row(z_low, y_high), in_.row(z_high, y_low),
                                  in_.row(z_high, y_high)};
        const AxisTaps& x = taps_.x;
        const T* const seen[4] = {four[0] + x.first, four[1] + x.first, four[2] + x.first, four[3] + x.first};
        const Index count = x.last + 1 - x.first;
        std::uint8_t* const mixed = scratch.mixed.data();
        rows().pixels<T>().mixed(seen, count, mixed);
        for (Index i = 0; i < count;) {
            const void* const found = std::memchr(mixed + i, 1, static_cast<std::size_t>(count - i));
            const Index end = found == nullptr ? count : static_cast<const std::uint8_t*>(found) - mixed;
            const Index from = start(x.first + i), to = start(x.first + end);
            if (from < to) scratch.runs.push_back({from, to, seen[0][i]});
            for (i = end; i < count && mixed[i] != 0; ++i) {
                const Index cell = x.first + i, begin = start(cell), stop = start(cell + 1);
                if (begin < stop)
                    scratch.meetings.push_back(meet(four, cell, std::min(cell + 1, x.last), begin, stop));
            }
        }
    }

    // Where the outputs [begin, end), counted along ascending source x, begin in the part that is inside.
    Index place(Index begin, Index end) const { return flipped_ ? taps_.x.end - taps_.x.begin - end : begin; }

    // One row of outputs: its runs, and the cells where labels meet.
    void fill(const Scratch& scratch, std::size_t from, std::size_t end, T* to) const {
        for (std::size_t i = from; i < end; ++i) {
            const Run<T>& run = scratch.runs[i];
            std::fill_n(to + place(run.begin, run.end), run.end - run.begin, run.label);
        }
    }

    void vote(Index z, Index y, const Scratch& scratch, std::size_t first, std::size_t end, T* to) const {
        const std::int32_t sz = taps_.z.share[z], sy = taps_.y.share[y];
        const std::int32_t corner[4] = {(kVotes - sz) * (kVotes - sy), (kVotes - sz) * sy, sz * (kVotes - sy),
                                        sz * sy};
        std::int32_t sums[16] = {};
        for (unsigned set = 0; set < 16; ++set) {
            for (unsigned i = 0; i < 4; ++i) sums[set] += (set >> i & 1U) != 0 ? corner[i] : 0;
        }
        constexpr std::int32_t kHalf = kVotes * kVotes * (kVotes / 2);
        const std::int32_t* const share = taps_.x.share.data() + taps_.x.begin;
        for (std::size_t i = first; i < end; ++i) {
            const Meeting<T>& cell = scratch.meetings[i];
            const Index from = place(cell.begin, cell.end);
            const std::int32_t low = sums[cell.low], high = sums[cell.high];
            for (Index x = from; x < from + (cell.end - cell.begin); ++x) {
                const std::int32_t sx = share[x];
                if (cell.two) {
                    const std::int32_t votes = low * (kVotes - sx) + high * sx;
                    to[x] = votes > kHalf ? cell.first : cell.second;
                    if (votes == kHalf) to[x] = cell.label[static_cast<std::size_t>(holder_of(sz, sy, sx))];
                } else {
                    std::int32_t weight[8];
                    for (int k = 0; k < 4; ++k) {
                        weight[2 * k] = corner[k] * (kVotes - sx);
                        weight[2 * k + 1] = corner[k] * sx;
                    }
                    to[x] = vote_of(cell.label.data(), weight, holder_of(sz, sy, sx));
                }
            }
        }
    }

    View<const T> in_;
    View<T> out_;
    const AlignedTaps& taps_;
    bool flipped_ = false, stream_ = false;
    std::vector<Index> starts_;  // per source cell: how many outputs lie in the cells before it
};

}  // namespace

template <class T>
void sample_votes(View<const T> in, View<T> out, const AlignedTaps& taps, T) {
    if constexpr (std::is_floating_point_v<T>) {
        static_cast<void>(in), static_cast<void>(out), static_cast<void>(taps);  // checked by the caller
    } else {
        const Votes<T> votes(in, out, taps);
        std::vector<Index> groups{taps.z.begin};
        for (Index z = taps.z.begin + 1; z < taps.z.end; ++z) {
            if (taps.z.low[z] != taps.z.low[z - 1]) groups.push_back(z);
        }
        groups.push_back(taps.z.end);
        const double work = 0.3 * static_cast<double>(out.shape.voxels() + in.shape.voxels());
        parallel_for(static_cast<Index>(groups.size()) - 1, work, [&](Index group) {
            typename Votes<T>::Scratch scratch;
            const auto g = static_cast<std::size_t>(group);
            votes.plane_group(groups[g], groups[g + 1], scratch);
        });
    }
}

template void sample_votes(View<const float>, View<float>, const AlignedTaps&, float);
template void sample_votes(View<const std::int16_t>, View<std::int16_t>, const AlignedTaps&, std::int16_t);
template void sample_votes(View<const std::uint16_t>, View<std::uint16_t>, const AlignedTaps&, std::uint16_t);
template void sample_votes(View<const std::uint8_t>, View<std::uint8_t>, const AlignedTaps&, std::uint8_t);

}  // namespace spinefx
