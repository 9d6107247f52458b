#include "spinefx/refine.hpp"

#include <array>

#include "bindings.hpp"

namespace spinefx::bindings {
namespace {

Index fill_holes_any(py::array& labels, Index largest) {
    return for_labels(labels, [&](auto label) {
        const auto map = writeable_view_of<decltype(label)>(labels, "labels");
        const py::gil_scoped_release free;
        return fill_holes(map, largest);
    });
}

Index keep_largest_any(py::array& labels, int connectivity) {
    return for_labels(labels, [&](auto label) {
        const auto map = writeable_view_of<decltype(label)>(labels, "labels");
        const py::gil_scoped_release free;
        return keep_largest(map, connectivity);
    });
}

void smooth_labels_any(const py::array& labels, py::array& out, const std::array<double, 3>& sigma,
                       double least) {
    for_labels(labels, [&](auto label) {
        using L = decltype(label);
        const View<const L> from = view_of<L>(labels, "labels");
        const View<L> to = writeable_view_of<L>(out, "out");
        const py::gil_scoped_release free;
        smooth_labels(from, to, sigma.data(), least);
    });
}

}  // namespace

void add_refine(py::module_& module) {
    module.def("fill_holes", &fill_holes_any, py::arg("labels"), py::arg("largest"));
    module.def("keep_largest", &keep_largest_any, py::arg("labels"), py::arg("connectivity"));
    module.def("smooth_labels", &smooth_labels_any, py::arg("labels"), py::arg("out"), py::arg("sigma"),
               py::arg("least"));
}

}  // namespace spinefx::bindings
