// libFuzzer: sizes, matrices, methods and displacements from outside, over small volumes in buffers of
// exactly their size, so that AddressSanitizer sees any read or write beside them.
#include <cstdint>
#include <stdexcept>
#include <vector>

#include "bytes.hpp"
#include "spinefx/sample.hpp"
#include "spinefx/threads.hpp"

namespace {

using namespace spinefx;
using fuzz::Bytes;

template <class T>
void run(Bytes& bytes) {
    const Shape from = bytes.shape(4, 40), to = bytes.shape(4, 40);  // sizes of 0 must be refused
    const auto method = static_cast<Method>(bytes.byte() % (std::is_integral_v<T> ? 6 : 4));
    const bool antialias = bytes.byte() % 2 == 1, displaced = bytes.byte() % 3 == 0,
               hunt = bytes.byte() % 8 == 7;  // for lost labels, whose flags take longer than all else
    Matrix matrix{};
    for (auto& row : matrix.m) {
        for (double& entry : row) entry = bytes.real();
    }
    std::vector<T> in(static_cast<std::size_t>(from.voxels())), out(static_cast<std::size_t>(to.voxels()));
    for (T& voxel : in) voxel = bytes.value<T>();
    std::vector<float> vectors;
    Displacement moved{};
    if (displaced) {
        vectors.resize(3 * out.size());
        for (float& one : vectors) one = bytes.value<float>();
        moved.vectors = vectors.data();
        for (double& entry : moved.field) entry = bytes.real();
    }
    const View<const T> source{in.data(), from};
    const View<T> target{out.data(), to};
    try {
        sample<T>(source, target, matrix, method, antialias, T{}, displaced ? &moved : nullptr);
        if constexpr (std::is_integral_v<T>) {
            if (hunt) {
                Buffer<bool> lost(65536, false);
                find_lost<T>(source, target, matrix, lost.data());
            }
        }
    } catch (const std::invalid_argument&) {
        return;  // a refusal is an answer
    }
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
    Bytes bytes(data, size);
    switch (bytes.byte() % 5) {
        case 0:
            run<float>(bytes);
            break;
        case 1:
            run<spinefx::Half>(bytes);
            break;
        case 2:
            run<std::int16_t>(bytes);
            break;
        case 3:
            run<std::uint16_t>(bytes);
            break;
        default:
            run<std::uint8_t>(bytes);
            break;
    }
    return 0;
}
