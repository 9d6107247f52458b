#include "bindings.hpp"
#include "spinefx/rows.hpp"
#include "spinefx/threads.hpp"

PYBIND11_MODULE(_core, module, pybind11::mod_gil_not_used()) {
    module.doc() = "The C++ core; use it through spinefx.kernels, which checks and documents.";
    spinefx::bindings::add_sampling(module);
    spinefx::bindings::add_measures(module);
    spinefx::bindings::add_points(module);
    spinefx::bindings::add_distance(module);
    spinefx::bindings::add_refine(module);
    spinefx::bindings::add_rays(module);
    module.def("threads", &spinefx::threads);
    module.def("set_threads", &spinefx::set_threads, pybind11::arg("count"));
    module.def("isa", &spinefx::isa);
}
