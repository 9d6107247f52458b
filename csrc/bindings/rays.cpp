#include "spinefx/rays.hpp"

#include <algorithm>
#include <array>
#include <optional>
#include <tuple>
#include <vector>

#include "bindings.hpp"

namespace spinefx::bindings {
namespace {

// value, start, row, column, step, (rows, columns, count)
using Three = std::array<double, 3>;
using Field = std::tuple<std::int64_t, Three, Three, Three, Three, std::array<Index, 3>>;

RayField field_of(const Field& given) {
    const auto& [value, start, row, column, step, sizes] = given;
    RayField field{};
    field.value = value;
    std::copy(start.begin(), start.end(), field.start);
    std::copy(row.begin(), row.end(), field.row);
    std::copy(column.begin(), column.end(), field.column);
    std::copy(step.begin(), step.end(), field.step);
    field.rows = sizes[0], field.columns = sizes[1], field.count = sizes[2];
    return field;
}

// One array (5, rows, columns) a field: first, leave, last, length, middle, in steps.
std::vector<py::array_t<double>> cast_rays_any(const py::array& labels, const std::vector<Field>& given) {
    std::vector<RayField> fields;
    std::vector<RayHits> hits;
    std::vector<py::array_t<double>> made;
    for (const Field& one : given) {
        fields.push_back(field_of(one));
        const RayField& field = fields.back();
        if (field.rows < 0 || field.columns < 0) throw py::value_error("the number of rays must be >= 0");
        made.emplace_back(std::vector<py::ssize_t>{5, field.rows, field.columns});
        double* const to = made.back().mutable_data();
        const Index rays = field.rows * field.columns;
        hits.push_back({to, to + rays, to + 2 * rays, to + 3 * rays, to + 4 * rays});
    }
    for_labels(labels, [&](auto label) {
        using L = decltype(label);
        const View<const L> map = view_of<L>(labels, "labels");
        const py::gil_scoped_release free;
        cast_rays(map, fields.data(), static_cast<Index>(fields.size()), hits.data());
    });
    return made;
}

py::tuple fit_plane_any(const py::array& points, const std::optional<Three>& along, double trim, int rounds) {
    const double* const from = checked<double>(points, 2, "points");
    if (points.shape(1) != 3) throw py::value_error("points must have shape (n, 3)");
    py::array_t<bool> kept(points.shape(0));
    bool* const to = kept.mutable_data();
    const Plane plane = fit_plane(from, points.shape(0), along ? along->data() : nullptr, trim, rounds, to);
    return py::make_tuple(py::array_t<double>(3, plane.point), py::array_t<double>(3, plane.normal),
                          plane.residual, kept);
}

}  // namespace

void add_rays(py::module_& module) {
    module.def("cast_rays", &cast_rays_any, py::arg("labels"), py::arg("fields"));
    module.def("fit_plane", &fit_plane_any, py::arg("points"), py::arg("along"), py::arg("trim"),
               py::arg("rounds"));
}

}  // namespace spinefx::bindings
