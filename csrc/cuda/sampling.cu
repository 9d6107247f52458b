#include "launch.hpp"
#include "spinefx/sampling_blocks.hpp"

namespace spinefx::device {

template <class T>
void sample(View<const T> in, View<T> out, Index count, const Matrix& matrix, bool nearest, T fill,
            const Displacement* moved, Stream stream) {
    const OnDeviceOf here({in.data, out.data, moved == nullptr ? nullptr : moved->vectors});
    sample_blocks(in, out, count, matrix, nearest, fill, moved,
                  [stream](const auto& body) { launch(body, stream); });
}

#define SPINEFX_MAKE(T) \
    template void sample(View<const T>, View<T>, Index, const Matrix&, bool, T, const Displacement*, Stream);
SPINEFX_MAKE(float)
SPINEFX_MAKE(Half)
SPINEFX_MAKE(std::int16_t)
SPINEFX_MAKE(std::uint16_t)
SPINEFX_MAKE(std::uint8_t)

}  // namespace spinefx::device
