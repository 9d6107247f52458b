#include "spinefx/distance.hpp"

#include <vector>

#include "bindings.hpp"

namespace spinefx::bindings {
namespace {

using Spacing = std::array<double, 3>;

void distance_transform_any(const py::array& labels, const Spacing& spacing, bool with_background,
                            py::array& out) {
    const View<float> to = writeable_view_of<float>(out, "out");
    for_labels(labels, [&](auto label) {
        using L = decltype(label);
        const View<const L> map = view_of<L>(labels, "labels");
        if (!(map.shape == to.shape)) throw py::value_error("out and labels differ in shape");
        const py::gil_scoped_release free;
        distance_transform(map, spacing.data(), with_background, to.data);
    });
}

py::tuple surface_distances_any(const py::array& first, const py::array& second, const Spacing& spacing,
                                double percent, const std::vector<double>& tolerances) {
    const auto rows = for_labels(first, [&](auto label) {
        using L = decltype(label);
        const View<const L> a = view_of<L>(first, "first"), b = view_of<L>(second, "second");
        const py::gil_scoped_release free;
        return surface_distances(a, b, spacing.data(), percent, tolerances);
    });
    const auto n = static_cast<py::ssize_t>(rows.size()),
               tolerated = static_cast<py::ssize_t>(tolerances.size());
    py::array_t<std::int64_t> value(n);
    py::array_t<double> measures({n, py::ssize_t{5}}), within({n, tolerated});
    std::int64_t* v = value.mutable_data();
    double *m = measures.mutable_data(), *w = within.mutable_data();
    for (const SurfaceDistance& row : rows) {
        *v++ = row.value;
        for (const double number : {row.first, row.second, row.largest, row.percentile, row.mean})
            *m++ = number;
        w = std::copy(row.within.begin(), row.within.end(), w);
    }
    return py::make_tuple(value, measures, within);
}

py::tuple surface_areas_any(const py::array& labels, const Spacing& spacing) {
    const auto rows = for_labels(labels, [&](auto label) {
        using L = decltype(label);
        const View<const L> map = view_of<L>(labels, "labels");
        const py::gil_scoped_release free;
        return surface_areas(map, spacing.data());
    });
    const auto n = static_cast<py::ssize_t>(rows.size());
    py::array_t<std::int64_t> value(n);
    py::array_t<double> area(n);
    std::int64_t* v = value.mutable_data();
    double* a = area.mutable_data();
    for (const LabelArea& row : rows) *v++ = row.value, *a++ = row.area;
    return py::make_tuple(value, area);
}

}  // namespace

void add_distance(py::module_& module) {
    module.def("distance_transform", &distance_transform_any, py::arg("labels"), py::arg("spacing"),
               py::arg("with_background"), py::arg("out"));
    module.def("surface_distances", &surface_distances_any, py::arg("first"), py::arg("second"),
               py::arg("spacing"), py::arg("percent"), py::arg("tolerances"));
    module.def("surface_areas", &surface_areas_any, py::arg("labels"), py::arg("spacing"));
}

}  // namespace spinefx::bindings
