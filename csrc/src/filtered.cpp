// Separable filters over a volume: every source plane is brought to the output's x in transposed bands and to
// its y by whole rows, then columns of planes to its z. Filters of different axes commute, so each axis is
// turned into spline coefficients just before it is sampled, when the others are already as small as the
// output.
#include <algorithm>

#include "paths.hpp"
#include "spinefx/threads.hpp"

namespace spinefx {
namespace {

constexpr Index kBand = 64;     // rows that go along x together
constexpr Index kHorizon = 16;  // coefficients beyond what is used; further samples weigh less than 1e-9

// The source voxels an axis needs.
struct Needed {
    Index from, count;

    Needed(const FilterTaps& taps, bool spline)
        : from(spline ? std::max<Index>(0, taps.first - kHorizon) : taps.first),
          count((spline ? std::min(taps.source, taps.last + 1 + kHorizon) : taps.last + 1) - from) {}
};

template <class S>
class Planes {
  public:
    Planes(View<const S> in, const AlignedFilters& f)
        : in_(in),
          filters_(f),
          y_(f.y, f.spline),
          x_(f.x, f.spline),
          copies_(is_copy(f.x) && !f.spline),
          width_(f.x.end - f.x.begin),
          pitch_((width_ + 15) / 16 * 16) {}

    Index pitch() const { return pitch_; }
    Index size() const { return (filters_.y.end - filters_.y.begin) * pitch_; }

    struct Scratch {
        Buffer<float> raw, tile, made, rows;

        explicit Scratch(const Planes& planes)
            : raw(kWide * planes.x_.count),
              tile(kBand * planes.x_.count, 0.0f),
              made(kBand * planes.width_),
              rows(planes.y_.count * planes.pitch_, 0.0f) {}
    };

    // Source plane z on the output's rows and columns: `size()` floats.
    void bring(Index z, Scratch& scratch, float* out) const {
        const FloatRows& real = rows().real;
        for (Index y = 0; y < y_.count; y += kBand) {
            const Index some = std::min(kBand, y_.count - y);
            float* const to = scratch.rows.data() + y * pitch_;
            if (copies_) {
                const Index shift = filters_.x.low[filters_.x.begin];
                for (Index r = 0; r < some; ++r)
                    rows().pixels<S>().widen(in_.row(z, y_.from + y + r) + shift, width_, to + r * pitch_);
            } else {
                along_x(z, y, some, scratch, to);
            }
        }
        const FilterTaps& taps = filters_.y;
        if (filters_.spline) real.prefilter(scratch.rows.data(), y_.count, pitch_, pitch_);
        real.filter(scratch.rows.data(), pitch_, taps.filter(y_.from), taps.begin, taps.end, pitch_, out,
                    pitch_);
    }

  private:
    static constexpr Index kWide = 16;

    static bool is_copy(const FilterTaps& taps) {
        bool copy = taps.taps == 1;
        for (Index i = taps.begin; i < taps.end && copy; ++i)
            copy = taps.low[i] - taps.low[taps.begin] == i - taps.begin;
        return copy;
    }

    void along_x(Index z, Index y, Index some, Scratch& scratch, float* out) const {
        const FloatRows& real = rows().real;
        const FilterTaps& taps = filters_.x;
        const Index lines = (some + kWide - 1) / kWide * kWide;
        for (Index r = 0; r < some; r += kWide) {
            const Index part = std::min(kWide, some - r);
            const S* const from = in_.row(z, y_.from + y + r) + x_.from;
            if constexpr (std::is_same_v<S, float>) {
                real.gather(from, in_.shape.x, part, x_.count, scratch.tile.data() + r, kBand);
            } else {
                for (Index k = 0; k < part; ++k)
                    rows().pixels<S>().widen(from + k * in_.shape.x, x_.count,
                                             scratch.raw.data() + k * x_.count);
                real.gather(scratch.raw.data(), x_.count, part, x_.count, scratch.tile.data() + r, kBand);
            }
        }
        if (filters_.spline) real.prefilter(scratch.tile.data(), x_.count, kBand, lines);
        real.filter(scratch.tile.data(), kBand, taps.filter(x_.from), taps.begin, taps.end, lines,
                    scratch.made.data(), kBand);
        for (Index r = 0; r < some; r += kWide) {
            const Index part = std::min(kWide, some - r);
            real.scatter(scratch.made.data() + r, kBand, part, width_, out + r * pitch_, pitch_);
        }
    }

    View<const S> in_;
    const AlignedFilters& filters_;
    Needed y_, x_;
    bool copies_;
    Index width_, pitch_;
};

}  // namespace

template <class S, class T>
void sample_filtered(View<const S> in, View<T> out, const AlignedFilters& filters) {
    const Planes<S> planes(in, filters);
    const FilterTaps& taps = filters.z;
    const Needed z(taps, filters.spline);
    const Index size = planes.size(), pitch = planes.pitch(), width = filters.x.end - filters.x.begin;
    const Index lines = filters.y.end - filters.y.begin;
    Buffer<float> brought(z.count * size);
    const auto cost = [&](const FilterTaps& one) {
        return 0.1 * static_cast<double>(one.taps) + (filters.spline ? 0.5 : 0.2);
    };
    const double source = static_cast<double>(z.count) * static_cast<double>(in.shape.y * in.shape.x);
    parallel_for(z.count, source * cost(filters.x) + static_cast<double>(brought.size()) * cost(filters.y),
                 [&](Index plane) {
                     typename Planes<S>::Scratch scratch(planes);
                     planes.bring(z.from + plane, scratch, brought.data() + plane * size);
                 });
    const bool stream = out.shape.voxels() * static_cast<Index>(sizeof(T)) > kStreamBytes;
    const double work = static_cast<double>(out.shape.voxels()) * (cost(taps) + 0.2);
    parallel_for(lines, work, [&](Index line) {
        Buffer<float> row(pitch);
        float* const column = brought.data() + line * pitch;
        if (filters.spline) rows().real.prefilter(column, z.count, size, pitch);
        for (Index i = taps.begin; i < taps.end; ++i) {
            rows().real.filter(column, size, taps.filter(z.from), i, i + 1, pitch, row.data(), pitch);
            T* const to = out.row(i, filters.y.begin + line) + filters.x.begin;
            rows().pixels<T>().narrow(row.data(), width, to, stream);
        }
    });
}

#define SPINEFX_MAKE(T) template void sample_filtered(View<const T>, View<T>, const AlignedFilters&);
SPINEFX_MAKE(float)
SPINEFX_MAKE(Half)
SPINEFX_MAKE(std::int16_t)
SPINEFX_MAKE(std::uint16_t)
SPINEFX_MAKE(std::uint8_t)
#undef SPINEFX_MAKE
#define SPINEFX_MAKE(T) template void sample_filtered(View<const T>, View<float>, const AlignedFilters&);
SPINEFX_MAKE(Half)
SPINEFX_MAKE(std::int16_t)
SPINEFX_MAKE(std::uint16_t)
SPINEFX_MAKE(std::uint8_t)

}  // namespace spinefx
