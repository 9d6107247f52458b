#include "launch.hpp"

namespace spinefx::device {

void check(cudaError_t code, const char* doing) {
    if (code == cudaSuccess) return;
    int driver = 0;
    if (cudaDriverGetVersion(&driver) != cudaSuccess) driver = 0;
    const auto version = [](int v) { return std::to_string(v / 1000) + "." + std::to_string(v % 1000 / 10); };
    // The runtime calls a missing driver an insufficient one.
    if (driver == 0) throw Failure("there is no NVIDIA driver here");
    if (code == cudaErrorInsufficientDriver) {
        throw Failure("the NVIDIA driver is for CUDA " + version(driver) + ", this build needs one for " +
                      version(CUDART_VERSION));
    }
    if (code == cudaErrorNoDevice) throw Failure("there is no NVIDIA GPU that this process may use");
    if (code == cudaErrorNoKernelImageForDevice)
        throw Failure("this GPU is older than those that the build is for; `spinefx doctor` names both");
    throw Failure(std::string("CUDA, while ") + doing + ": " + cudaGetErrorString(code) + " (" +
                  cudaGetErrorName(code) + ")");
}

std::vector<Device> devices() {
    int count = 0;
    check(cudaGetDeviceCount(&count), "counting the devices");
    std::vector<Device> made;
    for (int i = 0; i < count; ++i) {
        cudaDeviceProp facts{};
        check(cudaGetDeviceProperties(&facts, i), "asking a device what it is");
        made.push_back({facts.name, facts.major, facts.minor,
                        static_cast<double>(facts.totalGlobalMem) / (1024.0 * 1024.0 * 1024.0)});
    }
    return made;
}

OnDeviceOf::OnDeviceOf(std::initializer_list<const void*> pointers) {
    int wanted = -1;
    for (const void* const pointer : pointers) {
        if (pointer == nullptr) continue;
        cudaPointerAttributes facts{};
        check(cudaPointerGetAttributes(&facts, pointer), "asking where an array lies");
        if (facts.type != cudaMemoryTypeDevice && facts.type != cudaMemoryTypeManaged)
            throw Failure("an array that says it is on a GPU is not");
        if (wanted >= 0 && facts.device != wanted) {
            throw Failure("arrays lie on devices " + std::to_string(wanted) + " and " +
                          std::to_string(facts.device) + ": bring them to one");
        }
        wanted = facts.device;
    }
    check(cudaGetDevice(&before_), "asking for the current device");
    if (wanted >= 0 && wanted != before_) check(cudaSetDevice(wanted), "going to an array's device");
}

OnDeviceOf::~OnDeviceOf() {
    static_cast<void>(cudaSetDevice(before_));  // it was current before: nothing to say if it is lost now
}

}  // namespace spinefx::device
