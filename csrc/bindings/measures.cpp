#include "spinefx/measures.hpp"

#include <algorithm>
#include <limits>
#include <vector>

#include "bindings.hpp"
#include "tables.hpp"

namespace spinefx::bindings {
namespace {

template <class T>
std::vector<LabelSums> sums_of(const py::array& labels, const py::array* image,
                               const std::vector<double>& percents = {}) {
    return for_labels(labels, [&](auto label) {
        using L = decltype(label);
        const View<const L> map = view_of<L>(labels, "labels");
        const View<const T> pixels =
            image == nullptr ? View<const T>{nullptr, {}} : view_of<T>(*image, "image");
        if (image != nullptr && !(pixels.shape == map.shape))
            throw py::value_error("image and labels differ in shape");
        const py::gil_scoped_release free;
        return label_sums(map, pixels, percents);
    });
}

py::tuple label_sums_any(const py::array& labels) {
    const auto rows = sums_of<float>(labels, nullptr);
    return tables_of(rows);
}

py::tuple all_sums_any(const py::array& labels, const py::array& image, const std::vector<double>& percents) {
    const auto rows = for_pixels(
        image, "image", [&](auto pixel) { return sums_of<decltype(pixel)>(labels, &image, percents); });
    py::array_t<double> percentiles(
        {static_cast<py::ssize_t>(rows.size()), static_cast<py::ssize_t>(percents.size())});
    double* to = percentiles.mutable_data();
    for (const LabelSums& row : rows) to = std::copy(row.percentiles.begin(), row.percentiles.end(), to);
    return py::make_tuple(table(rows, {}, &LabelSums::value), table(rows, {}, &LabelSums::voxels),
                          table(rows, {3}, &LabelSums::first), table(rows, {6}, &LabelSums::second),
                          table(rows, {2, 3}, &LabelSums::box), table(rows, {}, &LabelSums::total),
                          table(rows, {}, &LabelSums::variance), table(rows, {}, &LabelSums::minimum),
                          table(rows, {}, &LabelSums::maximum), percentiles);
}

py::array_t<double> soft_moments_any(const py::array& maps) {
    const float* const from = checked<float>(maps, 5, "maps");
    py::array_t<double> made({maps.shape(0), maps.shape(1), py::ssize_t{10}});
    double* const to = made.mutable_data();
    const py::gil_scoped_release free;
    soft_moments(from, maps.shape(0) * maps.shape(1), shape_of(maps, 2), to);
    return made;
}

py::tuple surface_any(const py::array& labels, std::int64_t value, const py::array& affine, int rounds) {
    const double* const map = checked<double>(affine, 2, "affine");
    if (affine.shape(0) < 3 || affine.shape(1) != 4)
        throw py::value_error("affine must have shape (3, 4) or (4, 4)");
    const Mesh mesh = for_labels(labels, [&](auto label) {
        using L = decltype(label);
        if (value < 0 || value > std::numeric_limits<L>::max()) return Mesh{};
        const View<const L> view = view_of<L>(labels, "labels");
        const py::gil_scoped_release free;
        return surface(view, static_cast<L>(value), map, rounds);
    });
    const auto n = static_cast<py::ssize_t>(mesh.vertices.size() / 3),
               m = static_cast<py::ssize_t>(mesh.faces.size() / 3);
    return py::make_tuple(py::array_t<double>({n, py::ssize_t{3}}, mesh.vertices.data()),
                          py::array_t<std::int64_t>({m, py::ssize_t{3}}, mesh.faces.data()));
}

}  // namespace

void add_measures(py::module_& module) {
    module.def("label_sums", &label_sums_any, py::arg("labels"));
    module.def("all_sums", &all_sums_any, py::arg("labels"), py::arg("image"), py::arg("percents"));
    module.def("soft_moments", &soft_moments_any, py::arg("maps"));
    module.def("surface", &surface_any, py::arg("labels"), py::arg("value"), py::arg("affine"),
               py::arg("rounds"));
}

}  // namespace spinefx::bindings
