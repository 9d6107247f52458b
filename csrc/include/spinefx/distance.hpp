// Euclidean distances on grids: to the nearest other label, and between the surfaces of two label maps.
#pragma once

#include <vector>

#include "spinefx/core.hpp"

namespace spinefx {

// The distance in mm from the centre of every voxel to that of the nearest voxel with another label, in the
// whole volume; infinity where there is none. Voxels of label 0 get 0, or (`with_background`) are a label
// like any other. `spacing` is that of z, y, x. `out` is filled whole and must not overlap the labels. Exact
// but for rounding to float; the same bits for any number of threads.
template <class L>
void distance_transform(View<const L> labels, const double spacing[3], bool with_background, float* out);

// How far apart the surfaces of one label in two maps are. A surface lies in the cells of eight voxel centres
// that it passes, and weighs its area there by marching cubes. `first` and `second` are areas in mm2; the
// distances are infinite and the shares 0 where one map has none of the label.
struct SurfaceDistance {
    std::int64_t value;
    double first, second;        // areas in mm2
    double largest, percentile;  // Hausdorff, and its percentile over the area: the larger of both ways
    double mean;                 // over both surfaces' area
    std::vector<double> within;  // share of both surfaces' area within each tolerance
};

// One row per label other than 0 that either map has, ascending. 0 < percent <= 100, in percent; tolerances
// in mm. The volume's border closes the labels. Throws std::invalid_argument where the shapes differ.
template <class L>
std::vector<SurfaceDistance> surface_distances(View<const L> first, View<const L> second,
                                               const double spacing[3], double percent,
                                               const std::vector<double>& tolerances);

struct LabelArea {
    std::int64_t value;
    double area;  // in mm2
};

// The areas of the surfaces of all labels other than 0, ascending by value, in one pass; the volume's border
// closes them. The same bits for any number of threads.
template <class L>
std::vector<LabelArea> surface_areas(View<const L> labels, const double spacing[3]);

// Area in mm2 of the surface in a cell of eight voxel centres, for each of the 256 sets of corners that are
// inside; bit 4 z + 2 y + x of a set is the corner (z, y, x).
void cell_areas(const double spacing[3], double out[256]);

}  // namespace spinefx
