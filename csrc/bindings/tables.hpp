// Rows of label sums as NumPy arrays, one for each of their numbers.
#pragma once

#include <algorithm>
#include <vector>

#include "bindings.hpp"
#include "spinefx/measures.hpp"

namespace spinefx::bindings {

template <class T>
py::array_t<T> table(const std::vector<LabelSums>& rows, std::vector<py::ssize_t> tail, T LabelSums::* one) {
    tail.insert(tail.begin(), static_cast<py::ssize_t>(rows.size()));
    py::array_t<T> made(tail);
    std::transform(rows.begin(), rows.end(), made.mutable_data(),
                   [one](const LabelSums& row) { return row.*one; });
    return made;
}

template <std::size_t N>
py::array_t<std::int64_t> table(const std::vector<LabelSums>& rows, std::vector<py::ssize_t> tail,
                                std::int64_t (LabelSums::*many)[N]) {
    tail.insert(tail.begin(), static_cast<py::ssize_t>(rows.size()));
    py::array_t<std::int64_t> made(tail);
    std::int64_t* to = made.mutable_data();
    for (const LabelSums& row : rows) to = std::copy_n(row.*many, N, to);
    return made;
}

// value, voxels, first and second moments, boxes.
inline py::tuple tables_of(const std::vector<LabelSums>& rows) {
    return py::make_tuple(table(rows, {}, &LabelSums::value), table(rows, {}, &LabelSums::voxels),
                          table(rows, {3}, &LabelSums::first), table(rows, {6}, &LabelSums::second),
                          table(rows, {2, 3}, &LabelSums::box));
}

}  // namespace spinefx::bindings
