// The module of the CUDA twins. Arrays come as addresses on one device, with the caller's stream; whoever
// calls has checked that they are C-contiguous and of the sizes given, and Python owns them all.
#include <algorithm>
#include <array>
#include <optional>

#include "bindings.hpp"
#include "spinefx/device.hpp"
#include "tables.hpp"

namespace spinefx::bindings {
namespace {

using Address = std::uintptr_t;
using Sizes = std::array<Index, 3>;

template <class T>
T* at(Address address) {
    return reinterpret_cast<T*>(address);
}

Shape shape_of(const Sizes& sizes) {
    return {sizes[0], sizes[1], sizes[2]};
}

void sample_any(const std::string& pixel, Address data, const Sizes& from, Address out, const Sizes& to,
                Index count, const py::array& matrix, bool nearest, double fill, Address displacement,
                const std::optional<py::array>& field, Address stream) {
    const Matrix map = matrix_of(matrix);
    std::optional<Displacement> moved;
    if (field) {
        moved.emplace();
        moved->vectors = at<const float>(displacement);
        const double* const turn = checked<double>(*field, 2, "field");
        if (field->shape(0) != 3 || field->shape(1) != 3)
            throw py::value_error("field must have shape (3, 3)");
        std::copy_n(turn, 9, moved->field);
    }
    const auto run = [&](auto kind) {
        using T = decltype(kind);
        const T value = fill_of<T>(fill);
        const py::gil_scoped_release free;
        device::sample<T>({at<const T>(data), shape_of(from)}, {at<T>(out), shape_of(to)}, count, map,
                          nearest, value, moved ? &*moved : nullptr, at<void>(stream));
    };
    if (pixel == "float32") return run(float{});
    if (pixel == "float16") return run(Half{});
    if (pixel == "int16") return run(std::int16_t{});
    if (pixel == "uint16") return run(std::uint16_t{});
    if (pixel == "uint8") return run(std::uint8_t{});
    throw py::type_error("pixels must be float32, float16, int16, uint16 or uint8, got " + pixel);
}

py::tuple label_sums_any(const std::string& pixel, Address labels, const Sizes& shape, Address stream) {
    const auto run = [&](auto kind) {
        using L = decltype(kind);
        const py::gil_scoped_release free;
        return device::label_sums<L>({at<const L>(labels), shape_of(shape)}, at<void>(stream));
    };
    if (pixel == "uint16") return tables_of(run(std::uint16_t{}));
    if (pixel == "uint8") return tables_of(run(std::uint8_t{}));
    throw py::type_error("labels must be uint16 or uint8, got " + pixel);
}

void soft_moments_any(Address maps, Index count, const Sizes& shape, Address out, Address stream) {
    const py::gil_scoped_release free;
    device::soft_moments(at<const float>(maps), count, shape_of(shape), at<double>(out), at<void>(stream));
}

py::list devices_any() {
    py::list made;
    for (const device::Device& one : device::devices()) {
        made.append(py::make_tuple(one.name, py::make_tuple(one.major, one.minor), one.gib));
    }
    return made;
}

}  // namespace
}  // namespace spinefx::bindings

PYBIND11_MODULE(_cuda, module, pybind11::mod_gil_not_used()) {
    namespace py = pybind11;
    using namespace spinefx::bindings;
    module.doc() = "The CUDA twins; use them through spinefx.kernels, which checks and documents.";
    module.attr("architectures") = SPINEFX_ARCHITECTURES;
    py::register_exception<spinefx::device::Failure>(module, "CudaError", PyExc_RuntimeError);
    module.def("devices", &devices_any);
    module.def("sample", &sample_any, py::arg("pixel"), py::arg("data"), py::arg("source"), py::arg("out"),
               py::arg("target"), py::arg("count"), py::arg("matrix"), py::arg("nearest"), py::arg("fill"),
               py::arg("displacement"), py::arg("field"), py::arg("stream"));
    module.def("label_sums", &label_sums_any, py::arg("pixel"), py::arg("labels"), py::arg("shape"),
               py::arg("stream"));
    module.def("soft_moments", &soft_moments_any, py::arg("maps"), py::arg("count"), py::arg("shape"),
               py::arg("out"), py::arg("stream"));
}
