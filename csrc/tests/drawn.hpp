// Drawn volumes and the plain loops that the fast paths are held against.
#pragma once

#include <random>
#include <vector>

#include "spinefx/sample.hpp"
#include "spinefx/sampling.hpp"

namespace drawn {

using spinefx::Index;
using spinefx::Matrix;
using spinefx::Shape;
using spinefx::View;

template <class T>
struct Volume {
    Shape shape;
    std::vector<T> data;

    explicit Volume(Shape s, T value = T{}) : shape(s), data(static_cast<std::size_t>(s.voxels()), value) {}
    View<T> view() { return {data.data(), shape}; }
    View<const T> view() const { return {data.data(), shape}; }
    T& at(Index z, Index y, Index x) {
        return data[static_cast<std::size_t>((z * shape.y + y) * shape.x + x)];
    }
};

class Draw {
  public:
    explicit Draw(unsigned seed) : engine_(seed) {}

    double real(double low, double high) {
        return std::uniform_real_distribution<double>(low, high)(engine_);
    }
    Index whole(Index low, Index high) { return std::uniform_int_distribution<Index>(low, high)(engine_); }
    Shape shape(Index most) { return {whole(1, most), whole(1, most), whole(1, most)}; }

    template <class T>
    Volume<T> volume(Shape shape, Index low, Index high) {
        Volume<T> made(shape);
        for (T& voxel : made.data) voxel = static_cast<T>(whole(low, high));
        return made;
    }

    // Scales, flips and shifts along the axes in a drawn order, or (aligned false) any matrix.
    Matrix matrix(bool aligned) {
        Matrix made{};
        if (!aligned) {
            for (auto& row : made.m) {
                for (int i = 0; i < 3; ++i) row[i] = real(-1.0, 1.0);
                row[3] = real(0.0, 6.0);
            }
            return made;
        }
        int axes[3] = {0, 1, 2};
        for (int i = 2; i > 0; --i) std::swap(axes[i], axes[whole(0, i)]);
        for (int i = 0; i < 3; ++i) {
            const double scale =
                std::vector<double>{0.25, 0.4, 1.0, 1.7, 3.0}[static_cast<std::size_t>(whole(0, 4))];
            const bool flip = whole(0, 1) == 1;
            made.m[i][axes[i]] = flip ? -scale : scale;
            made.m[i][3] = flip ? real(2.0, 12.0) : real(-3.0, 3.0);
        }
        return made;
    }

  private:
    std::mt19937 engine_;
};

// One voxel after the other, from the arithmetic in sampling.hpp alone.
template <class T>
Volume<T> plain(const Volume<T>& in, Shape shape, const Matrix& matrix, spinefx::Method method, T fill) {
    Volume<T> out(shape);
    for (Index z = 0; z < shape.z; ++z) {
        for (Index y = 0; y < shape.y; ++y) {
            for (Index x = 0; x < shape.x; ++x) {
                double p[3];
                bool inside = true;
                for (int axis = 0; axis < 3; ++axis) {
                    p[axis] = matrix.at(axis, static_cast<double>(z), static_cast<double>(y),
                                        static_cast<double>(x));
                    inside = inside && spinefx::is_inside(p[axis], in.shape[axis]);
                }
                const View<const T> v = in.view();
                const auto c = [&](int axis) { return spinefx::cell_at(p[axis], in.shape[axis]); };
                const auto n = [&](int axis) { return spinefx::nearest_at(p[axis], in.shape[axis]); };
                T& to = out.at(z, y, x);
                if (!inside) {
                    to = fill;
                } else if (method == spinefx::Method::linear) {
                    to = spinefx::linear_at(v, p[0], p[1], p[2]);
                } else if (method == spinefx::Method::nearest) {
                    to = v.at(n(0), n(1), n(2));
                } else {
                    to = spinefx::vote_at(v.row(c(0).low, c(1).low), v.row(c(0).low, c(1).high),
                                          v.row(c(0).high, c(1).low), v.row(c(0).high, c(1).high), c(2).low,
                                          c(2).high, spinefx::share_of(c(0).fraction),
                                          spinefx::share_of(c(1).fraction), spinefx::share_of(c(2).fraction));
                }
            }
        }
    }
    return out;
}

}  // namespace drawn
