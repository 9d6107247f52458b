// How bodies (spinefx/blocks.hpp) get onto a device: checks, the device of a pointer, launches.
#pragma once

#include <cuda_runtime.h>

#include <algorithm>
#include <initializer_list>
#include <limits>

#include "spinefx/blocks.hpp"
#include "spinefx/device.hpp"

namespace spinefx::device {

// Failure with CUDA's words, and what helps.
void check(cudaError_t code, const char* doing);

// Makes the device of the given pointers current, until it goes. Failure where they are no device memory or
// not of one device.
class OnDeviceOf {
  public:
    explicit OnDeviceOf(std::initializer_list<const void*> pointers);
    OnDeviceOf(const OnDeviceOf&) = delete;
    OnDeviceOf& operator=(const OnDeviceOf&) = delete;
    ~OnDeviceOf();

  private:
    int before_ = 0;
};

template <class Body>
__global__ void __launch_bounds__(Body::kThreads) run_body(const __grid_constant__ Body body) {
    __shared__ typename Body::Shared shared;
    const Index blocks = body.blocks();
    const int phases = body.phases();
    for (Index block = blockIdx.x; block < blocks; block += gridDim.x) {
        for (int phase = 0; phase < phases; ++phase) {
            body(phase, block, static_cast<int>(threadIdx.x), shared);
            __syncthreads();
        }
    }
}

template <class Body>
void launch(const Body& body, Stream stream) {
    const Index blocks = std::min<Index>(body.blocks(), std::numeric_limits<int>::max());
    if (blocks == 0) return;
    cudaLaunchConfig_t shape{};
    shape.gridDim = dim3(static_cast<unsigned>(blocks));
    shape.blockDim = dim3(static_cast<unsigned>(Body::kThreads));
    shape.stream = static_cast<cudaStream_t>(stream);
    check(cudaLaunchKernelEx(&shape, run_body<Body>, body), "starting a kernel");
}

}  // namespace spinefx::device
