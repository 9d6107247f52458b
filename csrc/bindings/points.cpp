#include "spinefx/points.hpp"

#include "bindings.hpp"

namespace spinefx::bindings {
namespace {

py::tuple neighbours_any(const py::array& points, Index k) {
    const double* const from = checked<double>(points, 2, "points");
    const Index n = points.shape(0), width = points.shape(1);
    if (k < 1 || k >= n) {
        throw py::value_error("k must be in 1.." + std::to_string(n - 1) + ", got " + std::to_string(k));
    }
    py::array_t<std::int64_t> index({n, k});
    py::array_t<double> distance({n, k});
    std::int64_t* const i = index.mutable_data();
    double* const d = distance.mutable_data();
    {
        const py::gil_scoped_release free;
        neighbours(from, n, width, k, i, d);
    }
    return py::make_tuple(index, distance);
}

py::array_t<double> geodesics_any(const py::array& index, const py::array& length, const py::array& sources) {
    const auto* const to = checked<std::int64_t>(index, 2, "index");
    const auto* const step = checked<double>(length, 2, "distance");
    const auto* const from = checked<std::int64_t>(sources, 1, "sources");
    const Index n = index.shape(0), k = index.shape(1), count = sources.shape(0);
    if (length.shape(0) != n || length.shape(1) != k)
        throw py::value_error("index and distance differ in shape");
    py::array_t<double> made({count, n});
    double* const out = made.mutable_data();
    const py::gil_scoped_release free;
    geodesics(to, step, n, k, from, count, out);
    return made;
}

}  // namespace

void add_points(py::module_& module) {
    module.def("neighbours", &neighbours_any, py::arg("points"), py::arg("k"));
    module.def("geodesics", &geodesics_any, py::arg("index"), py::arg("distance"), py::arg("sources"));
}

}  // namespace spinefx::bindings
