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

// Sixteen columns of one plane.
SPINEFX_HD RowMoments<Wide> plane_sums(const float* plane, Index ny, Index nx, Index wide) {
    if (wide == kWide) return row_moments<Wide>(ny, [=](Index y) { return load(plane + y * nx); });
    return row_moments<Wide>(ny, [=](Index y) {
        alignas(64) float part[kWide] = {};
        for (Index i = 0; i < wide; ++i) part[i] = plane[y * nx + i];
        return load(part);
    });
}

}  // namespace

void moments(const float* map, Shape shape, double* out) {
    for (int i = 0; i < 10; ++i) out[i] = 0.0;
    for (Index x0 = 0; x0 < shape.x; x0 += kWide) {
        const Index wide = shape.x - x0 < kWide ? shape.x - x0 : kWide;
        alignas(64) double mass[kWide] = {}, z1[kWide] = {}, z2[kWide] = {}, y1[kWide] = {}, y2[kWide] = {},
                           zy[kWide] = {};
        for (Index first = 0; first < shape.z; first += kPlanes) {
            const Index last = first + kPlanes < shape.z ? first + kPlanes : shape.z;
            Wide all[6];
            plane_moments<Wide>(
                first, last,
                [=](Index z) { return plane_sums(map + z * shape.y * shape.x + x0, shape.y, shape.x, wide); },
                all);
            alignas(64) float s[6][kWide];
            std::memcpy(s, all, sizeof(s));
            const double h = static_cast<double>(first);
            for (Index i = 0; i < kWide; ++i) {
                const double m = static_cast<double>(s[0][i]), n = static_cast<double>(s[1][i]);
                mass[i] += m;
                z1[i] += n + h * m;
                z2[i] += static_cast<double>(s[2][i]) + 2.0 * h * n + h * h * m;
                y1[i] += static_cast<double>(s[3][i]);
                y2[i] += static_cast<double>(s[4][i]);
                zy[i] += static_cast<double>(s[5][i]) + h * static_cast<double>(s[3][i]);
            }
        }
        for (Index i = 0; i < wide; ++i) {
            const double x = static_cast<double>(x0 + i);
            const double add[10] = {mass[i], z1[i],           y1[i], x * mass[i], z2[i],
                                    y2[i],   x * x * mass[i], zy[i], x * z1[i],   x * y1[i]};
            for (int j = 0; j < 10; ++j) out[j] += add[j];
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
