// Rows of the general path: where the voxels of a segment come from.
#include "rows.hpp"

namespace spinefx::SPINEFX_ISA {
namespace {

// One axis of a segment: clamps, splits into whole and fraction, adds to the offsets.
template <Locate mode>
SPINEFX_HD void locate_axis(const double* SPINEFX_RESTRICT position, Index size, std::int32_t stride,
                            Index count, std::int32_t* SPINEFX_RESTRICT offset,
                            float* SPINEFX_RESTRICT fraction, std::int32_t* SPINEFX_RESTRICT share) {
    const double last = static_cast<double>(size - 1);
    const std::int32_t most = static_cast<std::int32_t>(mode == Locate::nearest ? size - 1
                                                        : size > 1              ? size - 2
                                                                                : 0);
    for (Index k = 0; k < count; ++k) {
        const double at = mode == Locate::nearest ? position[k] + (0.5 + kSnap) : position[k];
        const double above = at > 0.0 ? at : 0.0;  // also where it is not a number
        const double place = above < last ? above : last;
        std::int32_t low = static_cast<std::int32_t>(place);
        low = low > most ? most : low;
        offset[k] += low * stride;
        if (mode == Locate::linear) fraction[k] = static_cast<float>(place - static_cast<double>(low));
        if (mode == Locate::vote) share[k] = share_of(place - static_cast<double>(low));
    }
}

// Samples [from, to) of a segment, by doubles.
template <Locate mode>
void locate_as(const Line& line, Index from, Index to, Points& out) {
    const Index count = to - from;
    alignas(64) double position[kSegment];
    std::int32_t* const offset = out.offset + from;
    for (Index k = 0; k < count; ++k) offset[k] = 0;
    alignas(64) double inside[kSegment];  // 1 or 0; as wide as positions, so that loops stay simple
    for (Index k = 0; k < count; ++k) inside[k] = 1.0;
    for (int axis = 0; axis < 3; ++axis) {
        const double start = line.start[axis], step = line.step[axis];
        const std::int32_t first = line.first + static_cast<std::int32_t>(from);
        for (Index k = 0; k < count; ++k)
            position[k] = start + step * static_cast<double>(first + static_cast<std::int32_t>(k));
        if (line.displacement[0] != nullptr) {
            const double* const f = line.field + 3 * axis;
            const float* SPINEFX_RESTRICT const dx = line.displacement[0] + from;
            const float* SPINEFX_RESTRICT const dy = line.displacement[1] + from;
            const float* SPINEFX_RESTRICT const dz = line.displacement[2] + from;
            for (Index k = 0; k < count; ++k) {
                position[k] += (f[0] * static_cast<double>(dx[k]) + f[1] * static_cast<double>(dy[k])) +
                               f[2] * static_cast<double>(dz[k]);
            }
            const double below = line.lower[axis], above = line.upper[axis];
            for (Index k = 0; k < count; ++k) {
                const double in = position[k] >= below ? inside[k] : 0.0;
                inside[k] = position[k] < above ? in : 0.0;
            }
        }
        locate_axis<mode>(position, line.size[axis], line.stride[axis], count, offset,
                          out.fraction[axis] + from, out.share[axis] + from);
    }
    if (line.displacement[0] != nullptr) {
        for (Index k = 0; k < count; ++k) out.inside[from + k] = inside[k] != 0.0 ? 1 : 0;
    }
}

constexpr Index kBlocks = kSegment / kWide;

// A segment in blocks of sixteen samples: positions in a block are floats counted from a whole voxel near its
// first.
struct Blocks {
    alignas(64) float begin[3][kBlocks];                    // of the first sample
    alignas(64) float least[3][kBlocks], most[3][kBlocks];  // between these they are well inside and not far
    alignas(64) std::int32_t offset[kBlocks];               // of the whole voxel
    alignas(64) std::int32_t good[kBlocks];                 // not 0: all are, where nothing displaces them
};

SPINEFX_HD void make_blocks(const Line& line, const float step[3], Blocks& out) {
    constexpr double kFar = 128.0,
                     kClear = 0.01;  // voxels; clear of where clamps begin, whatever the rounding
    constexpr double kEnd = 1e9;     // beyond it, as beyond any volume, nothing is inside
    constexpr float kLast = 15.0f;   // positions grow or fall steadily, so that the ends tell of all
    alignas(64) constexpr double kFirsts[kBlocks] = {0, 16, 32, 48, 64, 80, 96, 112};
    const double shift = static_cast<double>(line.first);
#if defined(__GNUC__)
    // By hand, since compilers unroll so few and then see no vectors.
    constexpr Index kLanes = kNative / 2;
    typedef double Doubles __attribute__((vector_size(8 * kLanes)));
    typedef float Floats __attribute__((vector_size(4 * kLanes)));
    typedef std::int32_t Wholes __attribute__((vector_size(4 * kLanes)));
    typedef std::uint32_t Counts __attribute__((vector_size(4 * kLanes)));  // far outside, offsets overflow
    for (Index j = 0; j < kBlocks; j += kLanes) {
        Doubles firsts;
        std::memcpy(&firsts, kFirsts + j, sizeof(firsts));
        firsts += shift;
        Counts offset = {};
        Wholes good = ~Wholes{};
        for (int axis = 0; axis < 3; ++axis) {
            Doubles start = line.start[axis] + line.step[axis] * firsts;
            start = start > -kEnd ? start : Doubles{} - kEnd;  // also where it is not a number
            start = start < kEnd ? start : Doubles{} + kEnd;
            const Wholes cut = __builtin_convertvector(start, Wholes);
            Doubles base = __builtin_convertvector(cut, Doubles);
            base = base > start ? base - 1.0 : base;
            const Doubles low = kClear - base,
                          high = static_cast<double>(line.size[axis] - 1) - kClear - base;
            const Floats least = __builtin_convertvector(low > -kFar ? low : Doubles{} - kFar, Floats),
                         most = __builtin_convertvector(high < kFar ? high : Doubles{} + kFar, Floats),
                         begin = __builtin_convertvector(start - base, Floats),
                         last = kLast * step[axis] + begin;
            good &= (begin > least) & (begin < most) & (last > least) & (last < most);
            offset += reinterpret_cast<Counts>(__builtin_convertvector(base, Wholes)) *
                      static_cast<std::uint32_t>(line.stride[axis]);
            store(least, out.least[axis] + j);
            store(most, out.most[axis] + j);
            store(begin, out.begin[axis] + j);
        }
        store(offset, out.offset + j);
        store(good, out.good + j);
    }
#else
    for (Index j = 0; j < kBlocks; ++j) {
        std::uint32_t offset = 0;  // far outside it overflows
        out.good[j] = 1;
        for (int axis = 0; axis < 3; ++axis) {
            double start = line.start[axis] + line.step[axis] * (kFirsts[j] + shift);
            start = start > -kEnd ? start : -kEnd;
            start = start < kEnd ? start : kEnd;
            const double base = spinefx::floor_of(start), low = kClear - base,
                         high = static_cast<double>(line.size[axis] - 1) - kClear - base;
            const float least = static_cast<float>(low > -kFar ? low : -kFar),
                        most = static_cast<float>(high < kFar ? high : kFar),
                        begin = static_cast<float>(start - base), last = kLast * step[axis] + begin;
            if (!(begin > least && begin < most && last > least && last < most)) out.good[j] = 0;
            offset += static_cast<std::uint32_t>(static_cast<std::int32_t>(base)) *
                      static_cast<std::uint32_t>(line.stride[axis]);
            out.least[axis][j] = least;
            out.most[axis][j] = most;
            out.begin[axis][j] = begin;
        }
        out.offset[j] = static_cast<std::int32_t>(offset);
    }
#endif
}

// Block `j` by floats, which are good to some 1e-6 voxels there; false, and nothing of use written, where one
// of the samples is not well inside or far away.
template <bool is_moved>
SPINEFX_HD bool locate_block(const Line& line, const float step[3], const float field[9],
                             const Blocks& blocks, Index j, Points& out) {
    constexpr Index kParts = kWide / kNative;
    alignas(64) constexpr float kSteps[kWide] = {0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 14, 15};
    if (!is_moved && blocks.good[j] == 0) return false;
    const Index from = j * kWide;
    NativeInt offset[kParts];
    for (Index part = 0; part < kParts; ++part) offset[part] = NativeInt{} + blocks.offset[j];
    for (int axis = 0; axis < 3; ++axis) {
        for (Index part = 0; part < kParts; ++part) {
            const Index k = part * kNative;
            Native place = load_as<Native>(kSteps + k) * step[axis] + blocks.begin[axis][j];
            if constexpr (is_moved) {
                const Native dx = load_as<Native>(line.displacement[0] + from + k),
                             dy = load_as<Native>(line.displacement[1] + from + k),
                             dz = load_as<Native>(line.displacement[2] + from + k);
                const float* const f = field + 3 * axis;
                place = place + ((dx * f[0] + dy * f[1]) + dz * f[2]);
                if (!all_between(place, blocks.least[axis][j], blocks.most[axis][j])) return false;
            }
            const Native below = floor_of(place);
            store(place - below, out.fraction[axis] + from + k);
            offset[part] = offset[part] + whole_of(below) * line.stride[axis];
        }
    }
    for (Index part = 0; part < kParts; ++part) store(offset[part], out.offset + from + part * kNative);
    if constexpr (is_moved) std::memset(out.inside + from, 1, kWide);
    return true;
}

template <bool is_moved>
SPINEFX_HD void locate_blocks(const Line& line, Index count, Points& out) {
    Blocks blocks;
    float step[3], field[9];
    for (int axis = 0; axis < 3; ++axis) step[axis] = static_cast<float>(line.step[axis]);
    for (int i = 0; i < 9; ++i) field[i] = static_cast<float>(line.field[i]);
    make_blocks(line, step, blocks);
    Index k = 0;
    for (; k + kWide <= count; k += kWide) {
        if (!locate_block<is_moved>(line, step, field, blocks, k / kWide, out))
            locate_as<Locate::linear>(line, k, k + kWide, out);
    }
    if (k < count) locate_as<Locate::linear>(line, k, count, out);
}

void locate_linear(const Line& line, Index count, Points& out) {
    if (line.displacement[0] == nullptr) {
        locate_blocks<false>(line, count, out);
    } else {
        locate_blocks<true>(line, count, out);
    }
}

}  // namespace

void locate(const Line& line, Locate mode, Index count, Points& out) {
    if (mode == Locate::linear) locate_linear(line, count, out);
    if (mode == Locate::nearest) locate_as<Locate::nearest>(line, 0, count, out);
    if (mode == Locate::vote) locate_as<Locate::vote>(line, 0, count, out);
}

}  // namespace spinefx::SPINEFX_ISA
