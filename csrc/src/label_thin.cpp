// label-thin: finds what is too thin for the vote and paints it over the vote's result.
//
// Thin is what an opening of each label with a box of ceil(step) + 1 (at least 2) voxels removes, `step`
// being the target's spacing along that source axis, except for the rim that hugs what the opening keeps. A
// box that fits is always hit by a sample whose eight voxels are all in it. Along an axis shorter than the
// box, spanning the axis is enough.
#include <algorithm>
#include <cmath>

#include "paths.hpp"
#include "spinefx/threads.hpp"

namespace spinefx {
namespace {

// The shape with one axis replaced.
Shape with_axis(Shape shape, int axis, Index size) {
    (axis == 0 ? shape.z : axis == 1 ? shape.y : shape.x) = size;
    return shape;
}

// The lines along an axis: `blocks` groups of `width` lines that lie side by side.
struct Lines {
    Index blocks, width;

    Lines(const Shape& shape, int axis)
        : blocks(axis == 0   ? 1
                 : axis == 1 ? shape.z
                             : shape.z * shape.y),
          width(axis == 0   ? shape.y * shape.x
                : axis == 1 ? shape.x
                            : 1) {}
};

// Where boxes of one label begin, one axis at a time: the label wherever `width` voxels from here on hold it,
// else 0.
template <class T>
Buffer<T> erode(const T* in, const Shape& shape, int axis, Index width) {
    const Shape smaller = with_axis(shape, axis, shape[axis] - width + 1);
    Buffer<T> out(smaller.voxels());
    const Lines lines(shape, axis);
    const Index n = shape[axis], m = smaller[axis];
    parallel_for(lines.blocks, 3.0 * static_cast<double>(shape.voxels()), [&](Index block) {
        const T* const from = in + block * lines.width * n;
        T* const to = out.data() + block * lines.width * m;
        Buffer<std::int32_t> run(lines.width, 1);  // equal labels that end at the voxel just read
        for (Index i = 0; i < n; ++i) {
            const T* const now = from + i * lines.width;
            const T* const before = i > 0 ? now - lines.width : now;
            for (Index j = 0; j < lines.width && i > 0; ++j) run[j] = now[j] == before[j] ? run[j] + 1 : 1;
            const Index anchor = i - (width - 1);
            if (anchor < 0) continue;
            T* const made = to + anchor * lines.width;
            for (Index j = 0; j < lines.width; ++j) made[j] = run[j] >= width ? now[j] : T{0};
        }
    });
    return out;
}

// The way back: a voxel holds the label of the last anchor whose box covers it, or 0.
template <class T>
Buffer<T> dilate(const T* in, const Shape& shape, int axis, Index width) {
    const Shape larger = with_axis(shape, axis, shape[axis] + width - 1);
    Buffer<T> out(larger.voxels());
    const Lines lines(shape, axis);
    const Index n = larger[axis], m = shape[axis];
    parallel_for(lines.blocks, 2.0 * static_cast<double>(larger.voxels()), [&](Index block) {
        const T* const from = in + block * lines.width * m;
        T* const to = out.data() + block * lines.width * n;
        Buffer<T> label(lines.width, T{0});
        Buffer<std::int32_t> age(lines.width, 0);  // voxels since that anchor
        for (Index i = 0; i < n; ++i) {
            T* const made = to + i * lines.width;
            for (Index j = 0; j < lines.width; ++j) {
                ++age[j];
                if (i < m && from[i * lines.width + j] != 0) {
                    label[j] = from[i * lines.width + j];
                    age[j] = 0;
                }
                made[j] = age[j] < width ? label[j] : T{0};
            }
        }
    });
    return out;
}

// Whether one of the 27 voxels of `other` around a voxel has `label`.
template <class T>
bool touches(View<const T> other, Index z, Index y, Index x, T label) {
    for (Index c = std::max<Index>(z - 1, 0); c <= std::min(z + 1, other.shape.z - 1); ++c) {
        for (Index b = std::max<Index>(y - 1, 0); b <= std::min(y + 1, other.shape.y - 1); ++b) {
            const T* const row = other.row(c, b);
            for (Index a = std::max<Index>(x - 1, 0); a <= std::min(x + 1, other.shape.x - 1); ++a) {
                if (row[a] == label) return true;
            }
        }
    }
    return false;
}

// `in` where `keep` says so, else 0.
template <class T, class Keep>
Buffer<T> where(View<const T> in, const Keep& keep) {
    Buffer<T> out(in.shape.voxels());
    parallel_for(in.shape.z, 2.0 * static_cast<double>(in.shape.voxels()), [&](Index z) {
        Index i = z * in.shape.y * in.shape.x;
        for (Index y = 0; y < in.shape.y; ++y) {
            for (Index x = 0; x < in.shape.x; ++x, ++i)
                out[i] = in.data[i] != 0 && keep(z, y, x, i) ? in.data[i] : T{0};
        }
    });
    return out;
}

template <class T>
Buffer<T> thin_parts(View<const T> in, const double step[3]) {
    Shape shape = in.shape;
    Index width[3];
    Buffer<T> body;
    for (int axis = 0; axis < 3; ++axis) {
        const double wide = std::max(2.0, std::ceil(step[axis] - kSnap) + 1.0);
        width[axis] = static_cast<Index>(std::min(wide, static_cast<double>(in.shape[axis])));
        body = erode(axis == 0 ? in.data : body.data(), shape, axis, width[axis]);
        shape = with_axis(shape, axis, shape[axis] - width[axis] + 1);
    }
    for (int axis = 2; axis >= 0; --axis) {
        body = dilate(body.data(), shape, axis, width[axis]);
        shape = with_axis(shape, axis, shape[axis] + width[axis] - 1);
    }
    const View<const T> thick{body.data(), in.shape};
    const Buffer<T> core =
        where(in, [&](Index z, Index y, Index x, Index i) { return !touches(thick, z, y, x, in.data[i]); });
    const View<const T> seeds{core.data(), in.shape};
    return where(in, [&](Index z, Index y, Index x, Index i) {
        return body[i] == 0 && touches(seeds, z, y, x, in.data[i]);
    });
}

// The label that most voxels of a window hold, background aside; the smallest where counts tie; 0 where there
// is none.
template <class T>
T most_common(View<const T> in, const Index from[3], const Index to[3]) {
    T best = 0;
    Index most = 0;
    const auto count = [&](T label) {
        Index found = 0;
        for (Index z = from[0]; z < to[0]; ++z) {
            for (Index y = from[1]; y < to[1]; ++y) {
                for (Index x = from[2]; x < to[2]; ++x) found += in.at(z, y, x) == label ? 1 : 0;
            }
        }
        return found;
    };
    for (Index z = from[0]; z < to[0]; ++z) {
        for (Index y = from[1]; y < to[1]; ++y) {
            for (Index x = from[2]; x < to[2]; ++x) {
                const T label = in.at(z, y, x);
                if (label == 0 || label == best) continue;
                const Index found = count(label);
                if (found > most || (found == most && label < best)) {
                    most = found;
                    best = label;
                }
            }
        }
    }
    return best;
}

}  // namespace

template <class T>
void paint_thin(View<const T> in, View<T> out, const Matrix& matrix, const Displacement* moved) {
    double step[3], reach[3];
    for (int axis = 0; axis < 3; ++axis) {
        const double* const row = matrix.m[axis];
        step[axis] = std::abs(row[0]) + std::abs(row[1]) + std::abs(row[2]);
        reach[axis] = std::max(0.5, 0.5 * step[axis]) + kSnap;
    }
    const Buffer<T> made = thin_parts(in, step);
    const View<const T> thin{made.data(), in.shape};
    if (std::none_of(made.data(), made.data() + made.size(), [](T label) { return label != 0; })) return;
    parallel_for(out.shape.z, 10.0 * static_cast<double>(out.shape.voxels()), [&](Index z) {
        for (Index y = 0; y < out.shape.y; ++y) {
            for (Index x = 0; x < out.shape.x; ++x) {
                Index from[3], to[3];
                bool inside = true;
                for (int axis = 0; axis < 3; ++axis) {
                    double p = matrix.at(axis, static_cast<double>(z), static_cast<double>(y),
                                         static_cast<double>(x));
                    if (moved != nullptr) {
                        const float* const v = moved->vectors + (z * out.shape.y + y) * out.shape.x + x;
                        const double* const f = moved->field + 3 * axis;
                        const Index n = out.shape.voxels();
                        p += (f[0] * static_cast<double>(v[0]) + f[1] * static_cast<double>(v[n])) +
                             f[2] * static_cast<double>(v[2 * n]);
                    }
                    const Index size = in.shape[axis];
                    inside = inside && is_inside(p, size);
                    if (!inside) break;
                    from[axis] = static_cast<Index>(std::max(0.0, std::ceil(p - reach[axis])));
                    const double end = std::floor(p + reach[axis]) + 1.0;
                    to[axis] = static_cast<Index>(std::min(static_cast<double>(size), end));
                }
                if (!inside) continue;
                if (const T label = most_common(thin, from, to); label != 0) out.at(z, y, x) = label;
            }
        }
    });
}

template void paint_thin(View<const std::int16_t>, View<std::int16_t>, const Matrix&, const Displacement*);
template void paint_thin(View<const std::uint16_t>, View<std::uint16_t>, const Matrix&, const Displacement*);
template void paint_thin(View<const std::uint8_t>, View<std::uint8_t>, const Matrix&, const Displacement*);

}  // namespace spinefx
