// Sums over maps and points. The order of additions is fixed, so neither threads nor vector width change a
// bit; `dots` excepted, whose sums are bounds that are settled later.
#include "rows.hpp"
#include "spinefx/moments.hpp"

namespace spinefx::SPINEFX_ISA {
namespace {

SPINEFX_HD Wide load(const float* from) {
    Wide made;
    std::memcpy(&made, from, sizeof(made));
    return made;
}

// The first `count`, then zeros; reads no further.
SPINEFX_HD Native load_some(const float* from, Index count) {
#if defined(__AVX512F__)
    return reinterpret_cast<Native>(_mm512_maskz_loadu_ps(static_cast<__mmask16>((1U << count) - 1U), from));
#elif defined(__AVX2__)
    const __m256i place = _mm256_setr_epi32(0, 1, 2, 3, 4, 5, 6, 7);
    const __m256i wanted = _mm256_cmpgt_epi32(_mm256_set1_epi32(static_cast<int>(count)), place);
    return reinterpret_cast<Native>(_mm256_maskload_ps(from, wanted));
#else
    float part[kNative] = {};
    for (Index i = 0; i < count; ++i) part[i] = from[i];
    return load_as<Native>(part);
#endif
}

// Columns in several registers.
template <std::size_t n>
struct Columns {
    Native part[n];

    friend SPINEFX_HD Columns operator+(Columns a, const Columns& b) {
        for (std::size_t i = 0; i < n; ++i) a.part[i] = a.part[i] + b.part[i];
        return a;
    }
    friend SPINEFX_HD Columns operator-(Columns a, const Columns& b) {
        for (std::size_t i = 0; i < n; ++i) a.part[i] = a.part[i] - b.part[i];
        return a;
    }
};

// Adds the columns from `x0` on, up to `n` registers, to the ten sums.
template <std::size_t n>
void add_columns(const float* map, Shape shape, Index x0, double* out) {
    constexpr std::size_t kColumns = n * static_cast<std::size_t>(kNative);
    const Index plane = shape.y * shape.x, voxels = shape.z * plane, end = shape.x - x0;
    // A map is summed from its end, which the processor foresees badly; the next small one is asked for from
    // its start.
    const bool is_small = voxels <= 8192;
    const float* const next = map + 2 * voxels - shape.x;
    alignas(64) double sums[6][kColumns] = {};
    for (Index first = 0; first < shape.z; first += kPlanes) {
        const Index last = first + kPlanes < shape.z ? first + kPlanes : shape.z;
        Columns<n> all[6];
        plane_moments<Columns<n>>(
            first, last,
            [=](Index z) {
                return row_moments<Columns<n>>(shape.y, [=](Index y) {
                    const Index in = z * plane + y * shape.x;
                    const float* const row = map + in + x0;
                    Columns<n> made;
                    for (std::size_t i = 0; i < n; ++i) {
                        const Index at = static_cast<Index>(i) * kNative;
                        if (is_small) fetch(next - in + x0 + at);
                        made.part[i] =
                            at + kNative <= end ? load_as<Native>(row + at) : load_some(row + at, end - at);
                    }
                    return made;
                });
            },
            all);
        alignas(64) float s[6][kColumns];
        std::memcpy(s, all, sizeof(s));
        const double h = static_cast<double>(first);
        for (std::size_t i = 0; i < kColumns; ++i) {
            const double m = static_cast<double>(s[0][i]), z = static_cast<double>(s[1][i]);
            sums[0][i] += m;
            sums[1][i] += z + h * m;
            sums[2][i] += static_cast<double>(s[2][i]) + 2.0 * h * z + h * h * m;
            sums[3][i] += static_cast<double>(s[3][i]);
            sums[4][i] += static_cast<double>(s[4][i]);
            sums[5][i] += static_cast<double>(s[5][i]) + h * static_cast<double>(s[3][i]);
        }
    }
    double total[10];
    for (int j = 0; j < 10; ++j) total[j] = out[j];
    for (std::size_t i = 0; i < kColumns && static_cast<Index>(i) < end; ++i) {
        const double x = static_cast<double>(x0 + static_cast<Index>(i)), mass = sums[0][i];
        const double add[10] = {mass,       sums[1][i],   sums[3][i], x * mass,       sums[2][i],
                                sums[4][i], x * x * mass, sums[5][i], x * sums[1][i], x * sums[3][i]};
        for (int j = 0; j < 10; ++j) total[j] += add[j];
    }
    for (int j = 0; j < 10; ++j) out[j] = total[j];
}

}  // namespace

void moments(const float* maps, Index count, Shape shape, double* out) {
    for (Index i = 0; i < 10 * count; ++i) out[i] = 0.0;
    for (Index i = 0; i < count; ++i) {
        const float* const map = maps + i * shape.voxels();
        for (Index x0 = 0; x0 < shape.x;) {
            const Index left = (shape.x - x0 + kNative - 1) / kNative;
            if (left >= 4) {
                add_columns<4>(map, shape, x0, out + 10 * i);
            } else if (left >= 2) {
                add_columns<2>(map, shape, x0, out + 10 * i);
            } else {
                add_columns<1>(map, shape, x0, out + 10 * i);
            }
            x0 += (left >= 4 ? 4 : left >= 2 ? 2 : 1) * kNative;
        }
    }
}

namespace {

SPINEFX_HD float total(Wide sum) {
    alignas(64) float part[kWide];
    std::memcpy(part, &sum, sizeof(part));
    for (Index i = 0; i < 8; ++i) part[i] += part[i + 8];
    for (Index i = 0; i < 4; ++i) part[i] += part[i + 4];
    return (part[0] + part[2]) + (part[1] + part[3]);
}

}  // namespace

void distances(const float* points, Index count, Index width, const float* to, float* out) {
    Index n = 0;
    for (; n + 4 <= count; n += 4) {
        const float* const from = points + n * width;
        Wide sum[4] = {};
        for (Index d = 0; d < width; d += kWide) {
            const Wide here = load(to + d);
            for (int i = 0; i < 4; ++i) {
                const Wide step = load(from + i * width + d) - here;
                sum[i] = sum[i] + step * step;
            }
        }
        for (int i = 0; i < 4; ++i) out[n + i] = total(sum[i]);
    }
    for (; n < count; ++n) {
        Wide sum{};
        for (Index d = 0; d < width; d += kWide) {
            const Wide step = load(points + n * width + d) - load(to + d);
            sum = sum + step * step;
        }
        out[n] = total(sum);
    }
}

namespace {

// a * b + c, in one rounding where the machine can.
SPINEFX_HD Wide fused(Wide a, Wide b, Wide c) {
#if defined(__AVX512F__)
    return reinterpret_cast<Wide>(_mm512_fmadd_ps(reinterpret_cast<__m512>(a), reinterpret_cast<__m512>(b),
                                                  reinterpret_cast<__m512>(c)));
#else
    return a * b + c;
#endif
}

SPINEFX_HD Wide spread_out(float value) {
#if defined(__AVX512F__)
    return reinterpret_cast<Wide>(_mm512_set1_ps(value));
#else
    return Wide{} + value;
#endif
}

// `kCount` queries against the sixteen points of a panel.
template <std::size_t kCount>
SPINEFX_HD void dots_of(const float* panel, Index width, const float* queries, Index stride, float* out) {
#if defined(__AVX2__) && defined(__FMA__) && !defined(__AVX512F__)
    __m256 low[kCount], high[kCount];
    for (std::size_t q = 0; q < kCount; ++q) low[q] = high[q] = _mm256_setzero_ps();
    for (Index d = 0; d < width; ++d) {
        const __m256 a = _mm256_load_ps(panel + d * kWide), b = _mm256_load_ps(panel + d * kWide + 8);
        for (std::size_t q = 0; q < kCount; ++q) {
            const __m256 here = _mm256_broadcast_ss(queries + static_cast<Index>(q) * stride + d);
            low[q] = _mm256_fmadd_ps(a, here, low[q]);
            high[q] = _mm256_fmadd_ps(b, here, high[q]);
        }
    }
    for (std::size_t q = 0; q < kCount; ++q) {
        _mm256_storeu_ps(out + q * kWide, low[q]);
        _mm256_storeu_ps(out + q * kWide + 8, high[q]);
    }
#else
    Wide sum[kCount];
    for (std::size_t q = 0; q < kCount; ++q) sum[q] = Wide{};
    for (Index d = 0; d < width; ++d) {
        const Wide points = load(panel + d * kWide);
        for (std::size_t q = 0; q < kCount; ++q)
            sum[q] = fused(points, spread_out(queries[static_cast<Index>(q) * stride + d]), sum[q]);
    }
    std::memcpy(out, sum, sizeof(sum));
#endif
}

}  // namespace

void dots(const float* panel, Index width, const float* queries, Index stride, Index count, float* out) {
    Index q = 0;
#if defined(__AVX512F__)
    for (; q + 16 <= count; q += 16) dots_of<16>(panel, width, queries + q * stride, stride, out + q * kWide);
#endif
    for (; q + 4 <= count; q += 4) dots_of<4>(panel, width, queries + q * stride, stride, out + q * kWide);
    for (; q < count; ++q) dots_of<1>(panel, width, queries + q * stride, stride, out + q * kWide);
}

}  // namespace spinefx::SPINEFX_ISA
