// Checks and hands over; loops over nothing.
#include <pybind11/numpy.h>
#include <pybind11/pybind11.h>

#include <stdexcept>

#include "kernel.hpp"

namespace py = pybind11;
using Floats = py::array_t<float, py::array::c_style>;

PYBIND11_MODULE(_core, module) {
  module.def(
      "scaled",
      [](const Floats& values, float factor, float offset, Floats& out) {
        if (values.ndim() != 1 || out.ndim() != 1 || values.size() != out.size()) {
          throw std::invalid_argument("values and out must be one-dimensional and of equal length");
        }
        const auto size = static_cast<std::size_t>(values.size());
        const std::span<const float> from(values.data(), size);
        const std::span<float> to(out.mutable_data(), size);
        const py::gil_scoped_release release;
        disc_spread::scaled(from, factor, offset, to);
      },
      py::arg("values").noconvert(), py::arg("factor"), py::arg("offset"), py::arg("out").noconvert(),
      "out = values * factor + offset; float32, one-dimensional, contiguous");
}
