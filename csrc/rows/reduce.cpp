// Sums over maps and points. The order of additions is fixed, so neither threads nor vector width change a
// bit.
#include "rows.hpp"

namespace spinefx::SPINEFX_ISA {
namespace {

SPINEFX_HD Wide load(const float* from) {
    Wide made;
    std::memcpy(&made, from, sizeof(made));
    return made;
}

// Sums of sixteen columns of one plane: mass = sum of v, first = sum of y * v, second = sum of y * y * v.
// Running sums of running sums give the powers of y with additions alone.
struct Columns {
    Wide mass, first, second;
};

// `row(y)` gives the columns of a row.
template <class Row>
SPINEFX_HD Columns plane_sums(Index ny, const Row& row) {
    Wide a{}, b{}, c{};
    for (Index y = ny - 1; y > 0; --y) {
        a = a + row(y);
        b = b + a;
        c = c + b;
    }
    return {a + row(0), b, c + c - b};  // c holds y (y + 1) / 2
}

SPINEFX_HD Columns plane_sums(const float* plane, Index ny, Index nx, Index wide) {
    if (wide == kWide) return plane_sums(ny, [=](Index y) { return load(plane + y * nx); });
    return plane_sums(ny, [=](Index y) {
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
        for (Index z = 0; z < shape.z; ++z) {
            const Columns sums = plane_sums(map + z * shape.y * shape.x + x0, shape.y, shape.x, wide);
            alignas(64) float s[kWide], t[kWide], u[kWide];
            std::memcpy(s, &sums.mass, sizeof(s));
            std::memcpy(t, &sums.first, sizeof(t));
            std::memcpy(u, &sums.second, sizeof(u));
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

}  // namespace spinefx::SPINEFX_ISA
