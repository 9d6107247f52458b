// Rays through labels and planes through points: how the faces of a structure are found finer than its
// voxels.
#pragma once

#include "spinefx/core.hpp"

namespace spinefx {

// A field of parallel rays, one for each (i, j) of (rows, columns), that starts at start + i row + j column
// and is sampled at `count` places, `step` apart; all of them indices (z, y, x) of the label map, fractions
// allowed.
struct RayField {
    std::int64_t value;  // of the label; not 0
    double start[3], row[3], column[3], step[3];
    Index rows, columns, count;
};

// What each ray meets, in steps from its start; arrays of rows * columns. The label's share at a place is
// interpolated linearly between voxel centres, 0 beyond the volume; a hit is where it passes one half,
// straight between samples. Where a ray starts inside, it enters at 0; where it ends inside, it leaves at
// count - 1. NaN where it meets nothing.
struct RayHits {
    double* first;   // where it enters for the first time
    double* leave;   // where it leaves for the first time
    double* last;    // where it leaves for the last time
    double* length;  // sum of the shares
    double* middle;  // their centre; NaN where they sum to 0
};

// Throws std::invalid_argument where a number is not finite or a size is < 0.
template <class L>
void cast_rays(View<const L> labels, const RayField* fields, Index count, const RayHits* hits);

struct Plane {
    double point[3], normal[3];  // the kept points' centre, and the unit normal
    double residual;             // RMS distance of the kept points
};

// The plane through n points (x, y, z). `along` null: least squares of the distances from the plane; else of
// the offsets along that unit vector, on whose side the normal then lies. Points farther off than `trim`
// robust standard deviations (1.4826 times the median offset) are left out and the plane is fitted again,
// `rounds` times at most, while at least half of all points and 8 are left; `kept` says which those are.
// Without `along` the normal's largest component is positive. Throws std::invalid_argument where fewer than 3
// points are there or they lie on one line.
Plane fit_plane(const double* points, Index n, const double* along, double trim, int rounds, bool* kept);

}  // namespace spinefx
