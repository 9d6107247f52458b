// Linear and nearest sampling as bodies for blocks of threads: the numbers of csrc/src, voxel for voxel.
#pragma once

#include "spinefx/blocks.hpp"
#include "spinefx/sample.hpp"
#include "spinefx/sampling.hpp"

namespace spinefx {

// Where the tile of a block begins: `count` volumes of `shape` are cut into tiles.
struct Tile {
    Index part, z, y, x;
};

SPINEFX_HD Index tiles_of(Index count, const Shape& shape, const Shape& tile) {
    return count * ceil_div(shape.z, tile.z) * ceil_div(shape.y, tile.y) * ceil_div(shape.x, tile.x);
}

SPINEFX_HD Tile tile_at(Index block, const Shape& shape, const Shape& tile) {
    const Index nx = ceil_div(shape.x, tile.x), ny = ceil_div(shape.y, tile.y),
                nz = ceil_div(shape.z, tile.z);
    const Index line = block / nx, plane = line / ny;
    return {plane / nz, plane % nz * tile.z, line % ny * tile.y, block % nx * tile.x};
}

// Along the axes. The threads of a block locate their tile's samples once an axis, then each walks a column
// along z and keeps the two planes between which it is.
template <class T>
struct AlignedBody {
    static constexpr int kZ = 16, kY = 4, kX = 64, kThreads = kY * kX;

    struct Tap {
        Index low, high;  // elements from the start of the source
        float weight;     // of the second
        bool inside;
    };
    struct Shared {
        Tap z[kZ], y[kY], x[kX];
    };

    const T* in;
    T* out;
    Shape from, to;             // both in the output's order of axes
    Index stride[3], count;     // of the source, in the same order; volumes
    double scale[3], shift[3];  // sample i of an axis lies at scale * i + shift
    bool nearest;
    T fill;

    SPINEFX_HD static Shape tile() { return {kZ, kY, kX}; }
    SPINEFX_HD Index blocks() const { return tiles_of(count, to, tile()); }
    SPINEFX_HD int phases() const { return 2; }

    SPINEFX_HD void operator()(int phase, Index block, int thread, Shared& shared) const {
        const Tile at = tile_at(block, to, tile());
        if (phase == 1) {
            walk(at, thread, shared);
        } else if (thread < kZ) {
            shared.z[thread] = tap(0, at.z + thread);
        } else if (thread < kZ + kY) {
            shared.y[thread - kZ] = tap(1, at.y + thread - kZ);
        } else if (thread < kZ + kY + kX) {
            shared.x[thread - kZ - kY] = tap(2, at.x + thread - kZ - kY);
        }
    }

  private:
    SPINEFX_HD Tap tap(int axis, Index i) const {
        const double position = scale[axis] * static_cast<double>(i) + shift[axis];
        if (!is_inside(position, from[axis])) return {0, 0, 0.0f, false};
        if (nearest) {
            const Index one = nearest_at(position, from[axis]) * stride[axis];
            return {one, one, 0.0f, true};
        }
        const Cell cell = cell_at(position, from[axis]);
        return {cell.low * stride[axis], cell.high * stride[axis], static_cast<float>(cell.fraction), true};
    }

    SPINEFX_HD static float row(const T* from, const Tap& x) {
        return lerp(as_float(from[x.low]), as_float(from[x.high]), x.weight);
    }

    // A weight of zero looks at no second row, whatever lies there.
    SPINEFX_HD static float plane(const T* from, const Tap& y, const Tap& x) {
        const float a = row(from + y.low, x);
        return y.weight == 0.0f ? a : lerp(a, row(from + y.high, x), y.weight);
    }

    SPINEFX_HD void walk(const Tile& at, int thread, const Shared& shared) const {
        const Tap& x = shared.x[thread % kX];
        const Tap& y = shared.y[thread / kX];
        const Index row = at.y + thread / kX, column = at.x + thread % kX;
        if (row >= to.y || column >= to.x) return;
        const T* const source = in + at.part * from.voxels();
        T* const target = out + at.part * to.voxels() + row * to.x + column;
        Index held[2] = {-1, -1};
        float made[2] = {0.0f, 0.0f};
        const auto plane_at = [&](Index z) {
            if (held[0] == z) return made[0];
            if (held[1] != z) {
                held[0] = held[1];
                made[0] = made[1];
                held[1] = z;
                made[1] = plane(source + z, y, x);
            }
            return made[1];
        };
        for (int k = 0; k < kZ && at.z + k < to.z; ++k) {
            const Tap& z = shared.z[k];
            T& voxel = target[(at.z + k) * to.y * to.x];
            if (!(z.inside && y.inside && x.inside)) {
                voxel = fill;
            } else if (nearest) {
                voxel = source[z.low + y.low + x.low];
            } else {
                const float a = plane_at(z.low);
                voxel = to_pixel<T>(z.weight == 0.0f ? a : lerp(a, plane_at(z.high), z.weight));
            }
        }
    }
};

// Along any direction, displaced or not: one voxel at a time.
template <class T>
struct AffineBody {
    static constexpr int kZ = 8, kY = 8, kX = 32, kThreads = kY * kX;

    struct Shared {};

    const T* in;
    T* out;
    Shape from, to;
    Index count;  // volumes
    Matrix matrix;
    const float* vectors;  // null where there are none; the same for all volumes
    double field[9];
    At how;
    T fill;

    SPINEFX_HD static Shape tile() { return {kZ, kY, kX}; }
    SPINEFX_HD Index blocks() const { return tiles_of(count, to, tile()); }
    SPINEFX_HD int phases() const { return 1; }

    SPINEFX_HD void operator()(int, Index block, int thread, Shared&) const {
        const Tile at = tile_at(block, to, tile());
        const Index y = at.y + thread / kX, x = at.x + thread % kX;
        if (y >= to.y || x >= to.x) return;
        const View<const T> source{in + at.part * from.voxels(), from};
        T* const target = out + at.part * to.voxels();
        for (Index z = at.z; z < at.z + kZ && z < to.z; ++z) {
            const Index voxel = (z * to.y + y) * to.x + x;
            double place[3];
            target[voxel] = locate(z, y, x, voxel, place) ? sample_at(source, place, how) : fill;
        }
    }

  private:
    SPINEFX_HD bool locate(Index z, Index y, Index x, Index voxel, double place[3]) const {
        bool inside = true;
        for (int axis = 0; axis < 3; ++axis) {
            place[axis] =
                matrix.at(axis, static_cast<double>(z), static_cast<double>(y), static_cast<double>(x));
            if (vectors != nullptr) {
                const double* const f = field + 3 * axis;
                const float* const vector = vectors + voxel;
                const Index next = to.voxels();
                place[axis] +=
                    (f[0] * static_cast<double>(vector[0]) + f[1] * static_cast<double>(vector[next])) +
                    f[2] * static_cast<double>(vector[2 * next]);
            }
            inside = inside && is_inside(place[axis], from[axis]);
        }
        return inside;
    }
};

// Calls run(body) with the body that samples `count` volumes: `sample` for linear and nearest, without
// antialias. `matrix` and `moved` as there; volumes must not overlap.
template <class T, class Run>
void sample_blocks(View<const T> in, View<T> out, Index count, const Matrix& matrix, bool nearest, T fill,
                   const Displacement* moved, const Run& run) {
    check_grids(in.shape, out.shape, matrix);
    if constexpr (std::is_same_v<T, Half>) {
        if (nearest) {  // picking looks at no value: bits will do
            using Bits = std::uint16_t;
            sample_blocks<Bits>({reinterpret_cast<const Bits*>(in.data), in.shape},
                                {reinterpret_cast<Bits*>(out.data), out.shape}, count, matrix, true,
                                fill.bits, moved, run);
            return;
        }
    }
    int axes[3];
    if (moved == nullptr && find_axes(matrix, axes)) {
        AlignedBody<T> body{};
        const Index strides[3] = {in.shape.y * in.shape.x, in.shape.x, 1};
        body.in = in.data;
        body.out = out.data;
        body.from = {in.shape[axes[0]], in.shape[axes[1]], in.shape[axes[2]]};
        body.to = out.shape;
        body.count = count;
        for (int axis = 0; axis < 3; ++axis) {
            body.stride[axis] = strides[axes[axis]];
            body.scale[axis] = matrix.m[axes[axis]][axis];
            body.shift[axis] = matrix.m[axes[axis]][3];
        }
        body.nearest = nearest;
        body.fill = fill;
        run(body);
    } else {
        AffineBody<T> body{in.data, out.data, in.shape, out.shape,  count,
                           matrix,  nullptr,  {},       At::linear, fill};
        if (nearest) body.how = At::nearest;
        if (moved != nullptr) {
            body.vectors = moved->vectors;
            for (int i = 0; i < 9; ++i) body.field[i] = moved->field[i];
        }
        run(body);
    }
}

}  // namespace spinefx
