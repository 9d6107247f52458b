// The CUDA twins, as the bindings call them. Pointers are of one device and stay the caller's; work is put on
// the caller's stream and not waited for, `label_sums` excepted. Nothing here needs a driver until it is
// called.
#pragma once

#include <stdexcept>
#include <string>
#include <vector>

#include "spinefx/measures.hpp"
#include "spinefx/sample.hpp"

namespace spinefx::device {

// What CUDA refused, in words that say what to do.
struct Failure : std::runtime_error {
    using std::runtime_error::runtime_error;
};

// A cudaStream_t.
using Stream = void*;

struct Device {
    std::string name;
    int major, minor;
    double gib;
};

// The devices that this process can use; Failure where there is no driver, or one too old for this build.
std::vector<Device> devices();

// `sample` of `count` volumes, one after the other, by the same displacement; linear and nearest, no
// antialias.
template <class T>
void sample(View<const T> in, View<T> out, Index count, const Matrix& matrix, bool nearest, T fill,
            const Displacement* moved, Stream stream);

// Rows as `spinefx::label_sums` without an image. Waits for the stream, and may not be captured.
template <class L>
std::vector<LabelSums> label_sums(View<const L> labels, Stream stream);

// (count, 10) on the device.
void soft_moments(const float* maps, Index count, Shape shape, double* out, Stream stream);

}  // namespace spinefx::device
