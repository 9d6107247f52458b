// The row kernels: everything that runs over many voxels, compiled once per instruction set (csrc/rows) and
// reached through one table. Rows are plain pointers; nothing here allocates, throws or knows threads.
#pragma once

#include "spinefx/core.hpp"

namespace spinefx {

constexpr Index kOverread = 32;  // pixels that `spread` may read beyond the last one it uses
constexpr Index kSegment = 128;  // voxels of an output row that are located and sampled together

// Where the samples along the fastest axis come from; arrays are padded to whole blocks of `lanes`.
struct Spread {
    Index count;
    const std::int32_t* low;   // first of the two source voxels
    const float* weight;       // of the second
    const std::int32_t* base;  // per block of lanes: the smallest `low`
    const std::int32_t* rel;   // low - base
    bool narrow;               // every rel and the next fit two vectors: permutations will do
};

// A segment of an output row seen from the source: position = start + (first + k) * step + field *
// displacement[k].
struct Line {
    double start[3], step[3];
    std::int32_t first;
    const float* displacement[3];  // world x, y, z; null where there is none
    double field[9];
    double lower[3], upper[3];  // inside: lower <= position < upper
    Index size[3];              // of the source
    std::int32_t stride[3];     // of the source in elements; 0 for an axis of one voxel
};

// Samples of a segment: offset of the lowest of the eight voxels (nearest: of the one), and fractions.
struct Points {
    alignas(64) std::int32_t offset[kSegment];
    alignas(64) float fraction[3][kSegment];
    alignas(64) std::int32_t share[3][kSegment];
    std::uint8_t inside[kSegment];  // only where there is a displacement
    Index ahead = 0;                // from a voxel to one that is wanted soon, for prefetching
};

// Sixteen lines of the distance transform side by side: (count, 16) each. `height` is the squared distance
// found along other axes; `before` and `after` (or both null) count the steps to the nearest voxel of another
// label, infinity where there is none.
struct LineSites {
    const float* height;
    const float* before;
    const float* after;
    Index count;
    float step;
};

// One axis of a separable filter: output i is the sum of weight[taps * i + k] times the source's low[i] -
// origin + k.
struct Filter {
    const std::int32_t* low;
    const float* weight;
    Index taps, origin;
};

constexpr Index kSincRow = 16;      // floats of a row of the table of sinc weights: 10, then zeros
constexpr Index kSincSteps = 1024;  // rows a voxel; weights between them are linear

enum class Locate { linear, nearest, vote };

template <class T>
struct PixelRows {
    void (*widen)(const T* in, Index count, float* out);
    // Samples along a row; reads up to kOverread pixels too many and writes whole blocks of lanes.
    void (*spread)(const T* row, const Spread& spread, float* out);
    // The first of the two voxels alone, in the same manner.
    void (*choose)(const T* row, const Spread& spread, T* out);
    // out = a + weight * (b - a) as pixels; `stream` writes past the caches.
    void (*blend)(const float* a, const float* b, float weight, Index count, T* out, bool stream);
    // out = in as pixels, held to the range of T.
    void (*narrow)(const float* in, Index count, T* out, bool stream);
    void (*linear)(const T* data, const std::int32_t stride[3], const Points& points, Index count, T* out);
    void (*pick)(const T* data, const std::int32_t* offset, Index count, T* out);
    void (*vote)(const T* data, const std::int32_t stride[3], const Points& points, Index count, T* out);
    // First index in [from, end) where one of four rows is not `label`; end where none is.
    Index (*change)(const T* const rows[4], Index from, Index end, T label);
    // 1 for every voxel where it or the next, in one of four rows, is unlike the first row's; else 0. The
    // last has no next.
    void (*mixed)(const T* const rows[4], Index count, std::uint8_t* out);
    // Steps to the nearest other label before and after along sixteen lines (count, 16); false, and nothing
    // written, where no two labels other than 0 (or with it) touch.
    bool (*boundaries)(const T* labels, Index count, bool with_background, float* before, float* after);
};

struct FloatRows {
    void (*stream)(const void* from, void* to, Index bytes);  // a copy past the caches
    void (*lerp)(const float* a, const float* b, float weight, Index count, float* out);
    void (*locate)(const Line& line, Locate mode, Index count, Points& out);
    // tile[pitch * i + r] = rows[stride * r + i] for `lines` <= 16 rows, and the way back.
    void (*gather)(const float* rows, Index stride, Index lines, Index count, float* tile, Index pitch);
    void (*scatter)(const float* tile, Index pitch, Index lines, Index count, float* rows, Index stride);
    // Samples into cubic B-spline coefficients, along i of data[stride * i + c]; `lines` a multiple of 16.
    void (*prefilter)(float* data, Index count, Index stride, Index lines);
    // Outputs [begin, end) of a filter over in[stride * i + c]; `lines` a multiple of 16.
    void (*filter)(const float* in, Index stride, const Filter& filter, Index begin, Index end, Index lines,
                   float* out, Index out_stride);
    // Points whose offset is that of the first of 4 (cubic) or 10 (sinc) voxels an axis. sinc may read 6
    // floats beyond the last voxel; `table` has kSincSteps + 1 rows.
    void (*cubic)(const float* data, const std::int32_t stride[3], const Points& points, Index count,
                  float* out);
    void (*sinc)(const float* data, const std::int32_t stride[3], const Points& points, const float* table,
                 Index count, float* out);
    // Ten sums of each of `count` maps: mass, first and second moments in index units.
    void (*moments)(const float* maps, Index count, Shape shape, double* out);
    // Squared distances from `points` (count, width) to `to` (width); rows are `width` apart.
    void (*distances)(const float* points, Index count, Index width, const float* to, float* out);
    // Products (count, 16) of `count` queries, rows `stride` apart, with the sixteen points of a panel
    // (width, 16), aligned; not the same bits on every machine.
    void (*dots)(const float* panel, Index width, const float* queries, Index stride, Index count,
                 float* out);
    // Squared distances along a run of `count` voxels to the voxels before it and after it, where there are
    // any.
    void (*ramp)(Index count, bool left, bool right, float step, float* out);
    // For every row of sixteen lines the smallest of height + squared distance along the lines.
    void (*envelope)(const LineSites& sites, float* out);
    void (*root)(float* row, Index count);  // square roots, in place
};

struct RowTable {
    const char* name;
    int lanes;  // of float that `spread` handles at once
    FloatRows real;
    PixelRows<float> f32;
    PixelRows<Half> f16;  // widen, spread, blend and narrow only; the others are null
    PixelRows<std::int16_t> i16;
    PixelRows<std::uint16_t> u16;
    PixelRows<std::uint8_t> u8;

    template <class T>
    const PixelRows<T>& pixels() const {
        if constexpr (std::is_same_v<T, float>) {
            return f32;
        } else if constexpr (std::is_same_v<T, Half>) {
            return f16;
        } else if constexpr (std::is_same_v<T, std::int16_t>) {
            return i16;
        } else if constexpr (std::is_same_v<T, std::uint16_t>) {
            return u16;
        } else {
            static_assert(std::is_same_v<T, std::uint8_t>);
            return u8;
        }
    }
};

// The best table for this machine, or the one that SPINEFX_ISA names (baseline, avx2, avx512) if the machine
// has it; std::invalid_argument if not.
const RowTable& rows();

// Every table that this machine can run, the plainest first; null ends them.
const RowTable* const* all_rows();

// Which table runs, for `spinefx doctor`.
const char* isa();

}  // namespace spinefx
