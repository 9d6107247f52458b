// Sums over maps and points. The order of additions is fixed, so neither threads nor vector width change a
// bit.
#include "rows.hpp"

namespace spinefx::SPINEFX_ISA {
namespace {

constexpr Index kWide = 16;  // x positions summed side by side

// Sums of one plane's columns x0 .. x0 + kWide: s = sum of v, t = sum of y * v, u = sum of y * y * v.
// Running sums of running sums give the powers of y with additions alone.
SPINEFX_HD void plane_sums(const float* SPINEFX_RESTRICT plane, Index ny, Index nx, Index wide,
                           float* SPINEFX_RESTRICT s, float* SPINEFX_RESTRICT t, float* SPINEFX_RESTRICT u) {
    for (Index i = 0; i < kWide; ++i) s[i] = t[i] = u[i] = 0.0f;
    if (wide == kWide) {
        float a[kWide] = {}, b[kWide] = {}, c[kWide] = {};
        for (Index y = ny - 1; y > 0; --y) {
            const float* SPINEFX_RESTRICT const row = plane + y * nx;
            for (Index i = 0; i < kWide; ++i) {
                a[i] += row[i];
                b[i] += a[i];
                c[i] += b[i];
            }
        }
        for (Index i = 0; i < kWide; ++i) {
            s[i] = a[i] + plane[i];
            t[i] = b[i];
            u[i] = 2.0f * c[i] - b[i];  // c holds y (y + 1) / 2
        }
    } else {
        for (Index i = 0; i < wide; ++i) {
            float a = 0.0f, b = 0.0f, c = 0.0f;
            for (Index y = ny - 1; y > 0; --y) {
                a += plane[y * nx + i];
                b += a;
                c += b;
            }
            s[i] = a + plane[i];
            t[i] = b;
            u[i] = 2.0f * c - b;
        }
    }
}

}  // namespace

void moments(const float* map, Shape shape, double* out) {
    for (int i = 0; i < 10; ++i) out[i] = 0.0;
    alignas(64) float s[kWide], t[kWide], u[kWide];
    for (Index x0 = 0; x0 < shape.x; x0 += kWide) {
        const Index wide = shape.x - x0 < kWide ? shape.x - x0 : kWide;
        alignas(64) double mass[kWide] = {}, z1[kWide] = {}, z2[kWide] = {}, y1[kWide] = {}, y2[kWide] = {},
                           zy[kWide] = {};
        for (Index z = 0; z < shape.z; ++z) {
            plane_sums(map + z * shape.y * shape.x + x0, shape.y, shape.x, wide, s, t, u);
            const double h = static_cast<double>(z);
            for (Index i = 0; i < kWide; ++i) {
                const double v = static_cast<double>(s[i]), w = static_cast<double>(t[i]);
                mass[i] += v;
                z1[i] += h * v;
                z2[i] += h * h * v;
                y1[i] += w;
                zy[i] += h * w;
                y2[i] += static_cast<double>(u[i]);
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

void distances(const float* points, Index count, Index width, const float* SPINEFX_RESTRICT to,
               float* SPINEFX_RESTRICT out) {
    for (Index n = 0; n < count; ++n) {
        const float* SPINEFX_RESTRICT const from = points + n * width;
        float sum[kWide] = {};
        for (Index d = 0; d < width; d += kWide) {
            for (Index i = 0; i < kWide; ++i) {
                const float step = from[d + i] - to[d + i];
                sum[i] += step * step;
            }
        }
        float total = 0.0f;
        for (Index i = 0; i < kWide; ++i) total += sum[i];
        out[n] = total;
    }
}

}  // namespace spinefx::SPINEFX_ISA
