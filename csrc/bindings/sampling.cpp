#include <algorithm>
#include <optional>
#include <vector>

#include "bindings.hpp"
#include "spinefx/sample.hpp"

namespace spinefx::bindings {
namespace {

Method method_of(const std::string& name) {
    if (name == "linear") return Method::linear;
    if (name == "cubic") return Method::cubic;
    if (name == "sinc") return Method::sinc;
    if (name == "nearest") return Method::nearest;
    if (name == "label-smooth") return Method::label_smooth;
    if (name == "label-thin") return Method::label_thin;
    throw py::value_error("method must be linear, cubic, sinc, nearest, label-smooth or label-thin, got " +
                          name);
}

// Whether two blocks of memory share a byte.
bool overlap(const py::array& a, const py::array& b) {
    const auto* const p = static_cast<const char*>(a.data());
    const auto* const q = static_cast<const char*>(b.data());
    return p < q + b.nbytes() && q < p + a.nbytes();
}

void sample_any(const py::array& data, py::array out, const py::array& matrix, const std::string& method,
                bool antialias, double fill, const std::optional<py::array>& displacement,
                const std::optional<py::array>& field) {
    const Matrix map = matrix_of(matrix);
    const Method how = method_of(method);
    if (overlap(data, out)) throw py::value_error("out must not overlap data");
    std::optional<Displacement> moved;
    if (displacement.has_value() != field.has_value())
        throw py::value_error("displacement and field go together");
    if (displacement) {
        moved.emplace();
        moved->vectors = checked<float>(*displacement, 4, "displacement");
        const double* const turn = checked<double>(*field, 2, "field");
        if (field->shape(0) != 3 || field->shape(1) != 3)
            throw py::value_error("field must have shape (3, 3)");
        if (displacement->shape(0) != 3 || out.ndim() != 3 ||
            !(shape_of(*displacement, 1) == shape_of(out))) {
            throw py::value_error("displacement must have shape (3, z, y, x) of out");
        }
        if (overlap(*displacement, out)) throw py::value_error("out must not overlap displacement");
        std::copy_n(turn, 9, moved->field);
    }
    const auto run = [&](auto pixel) {
        using T = decltype(pixel);
        if (!std::is_integral_v<T> && (how == Method::label_smooth || how == Method::label_thin)) {
            throw py::type_error(method + " takes whole numbers, got " + name_of(data));
        }
        const View<const T> in = view_of<T>(data, "data");
        const View<T> to = writeable_view_of<T>(out, "out");
        const T value = fill_of<T>(fill);
        const py::gil_scoped_release free;
        sample(in, to, map, how, antialias, value, moved ? &*moved : nullptr);
    };
    if (data.dtype().char_() == 'e') {
        run(Half{});
    } else {
        for_pixels(data, "data", run);
    }
}

std::vector<std::int64_t> lost_any(const py::array& data, const py::array& out, const py::array& matrix) {
    const Matrix map = matrix_of(matrix);
    std::vector<std::int64_t> found;
    for_pixels(data, "data", [&](auto pixel) {
        using T = decltype(pixel);
        if constexpr (std::is_floating_point_v<T>) {
            throw py::type_error("labels are whole numbers, got float32");
        } else {
            const View<const T> in = view_of<T>(data, "data"), to = view_of<T>(out, "out");
            const py::gil_scoped_release free;
            Buffer<bool> lost(65536, false);
            find_lost(in, to, map, lost.data());
            for (int v = 0; v < 65536; ++v) {
                if (lost[v]) found.push_back(static_cast<T>(v));
            }
        }
    });
    std::sort(found.begin(), found.end());
    return found;
}

}  // namespace

void add_sampling(py::module_& module) {
    module.def("sample", &sample_any, py::arg("data"), py::arg("out"), py::arg("matrix"), py::arg("method"),
               py::arg("antialias"), py::arg("fill"), py::arg("displacement") = py::none(),
               py::arg("field") = py::none());
    module.def(
        "lost",
        [](const py::array& data, const py::array& out, const py::array& matrix) {
            const auto labels = lost_any(data, out, matrix);
            py::tuple made(labels.size());
            for (std::size_t i = 0; i < labels.size(); ++i) made[i] = py::int_(labels[i]);
            return made;
        },
        py::arg("data"), py::arg("out"), py::arg("matrix"));
}

}  // namespace spinefx::bindings
