// What the bindings share: checked views of NumPy arrays. They check and hand over; loops over voxels live in
// csrc/src.
#pragma once

#include <pybind11/numpy.h>
#include <pybind11/pybind11.h>
#include <pybind11/stl.h>

#include <algorithm>
#include <limits>
#include <string>

#include "spinefx/sampling.hpp"

namespace spinefx::bindings {

namespace py = pybind11;

void add_sampling(py::module_& module);
void add_measures(py::module_& module);
void add_points(py::module_& module);
void add_distance(py::module_& module);
void add_refine(py::module_& module);
void add_rays(py::module_& module);

inline std::string name_of(const py::array& array) {
    return py::str(array.dtype()).cast<std::string>();
}

// Whether the array holds T, in this machine's byte order.
template <class T>
bool holds(const py::array& array) {
    if constexpr (std::is_same_v<T, Half>) {
        return array.dtype().char_() == 'e' && array.dtype().attr("isnative").template cast<bool>();
    } else {
        return py::isinstance<py::array_t<T>>(array);
    }
}

template <class T>
std::string name_of_pixel() {
    if constexpr (std::is_same_v<T, Half>) {
        return "float16";
    } else {
        return name_of(py::array_t<T>(0));
    }
}

// TypeError unless the array is C-contiguous, of T and of `dims` axes.
template <class T>
const T* checked(const py::array& array, py::ssize_t dims, const char* what) {
    if (!holds<T>(array))
        throw py::type_error(std::string(what) + " must be " + name_of_pixel<T>() + ", got " +
                             name_of(array));
    if (array.ndim() != dims) {
        throw py::type_error(std::string(what) + " must have " + std::to_string(dims) + " axes, got " +
                             std::to_string(array.ndim()));
    }
    if ((array.flags() & py::array::c_style) == 0)
        throw py::type_error(std::string(what) + " must be C-contiguous");
    return static_cast<const T*>(array.data());
}

inline Shape shape_of(const py::array& array, py::ssize_t from = 0) {
    return {array.shape(from), array.shape(from + 1), array.shape(from + 2)};
}

template <class T>
View<const T> view_of(const py::array& array, const char* what) {
    const T* const data = checked<T>(array, 3, what);
    return {data, shape_of(array)};
}

template <class T>
View<T> writeable_view_of(py::array& array, const char* what) {
    checked<T>(array, 3, what);
    if (!array.writeable()) throw py::value_error(std::string(what) + " must be writeable");
    return {static_cast<T*>(array.mutable_data()), shape_of(array)};
}

// Calls body(T{}) with the pixel type of the array; TypeError naming what is taken otherwise.
template <class Body>
decltype(auto) for_pixels(const py::array& array, const char* what, const Body& body) {
    if (py::isinstance<py::array_t<std::int16_t>>(array)) return body(std::int16_t{});
    if (py::isinstance<py::array_t<std::uint16_t>>(array)) return body(std::uint16_t{});
    if (py::isinstance<py::array_t<std::uint8_t>>(array)) return body(std::uint8_t{});
    if (py::isinstance<py::array_t<float>>(array)) return body(float{});
    throw py::type_error(std::string(what) + " must be float32, int16, uint16 or uint8, got " +
                         name_of(array));
}

// The same for label maps.
template <class Body>
decltype(auto) for_labels(const py::array& labels, const Body& body) {
    if (py::isinstance<py::array_t<std::uint16_t>>(labels)) return body(std::uint16_t{});
    if (py::isinstance<py::array_t<std::uint8_t>>(labels)) return body(std::uint8_t{});
    throw py::type_error("labels must be uint16 or uint8, got " + name_of(labels));
}

inline Matrix matrix_of(const py::array& array) {
    const double* const from = checked<double>(array, 2, "matrix");
    if (array.shape(0) != 3 || array.shape(1) != 4) throw py::value_error("matrix must have shape (3, 4)");
    Matrix matrix{};
    std::copy_n(from, 12, &matrix.m[0][0]);
    return matrix;
}

template <class T>
T fill_of(double fill) {
    if constexpr (std::is_same_v<T, Half>) {
        return to_half(static_cast<float>(fill));
    } else if constexpr (std::is_floating_point_v<T>) {
        return static_cast<T>(fill);
    } else {
        if (!(fill >= std::numeric_limits<T>::min() && fill <= std::numeric_limits<T>::max())) {
            throw py::value_error("fill " + std::to_string(fill) + " does not fit the pixel type");
        }
        return static_cast<T>(fill);
    }
}

}  // namespace spinefx::bindings
