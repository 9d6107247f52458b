#include "rows.hpp"

#define SPINEFX_TEXT_(x) #x
#define SPINEFX_TEXT(x) SPINEFX_TEXT_(x)

namespace spinefx::SPINEFX_ISA {
namespace {

#if defined(__AVX512F__)
constexpr int kLanes = 16;
#elif defined(__AVX2__)
constexpr int kLanes = 8;
#else
constexpr int kLanes = 1;
#endif

template <class T>
constexpr PixelRows<T> pixels() {
    if constexpr (std::is_same_v<T, Half>) {
        return {widen<T>, spread<T>, nullptr, blend<T>, narrow<T>, nullptr,
                nullptr,  nullptr,   nullptr, nullptr,  nullptr};
    } else {
        return {widen<T>, spread<T>, choose<T>, blend<T>, narrow<T>,    linear<T>,
                pick<T>,  vote<T>,   change<T>, mixed<T>, boundaries<T>};
    }
}

}  // namespace

const RowTable& table();
const RowTable& table() {
    static constexpr RowTable found = {SPINEFX_TEXT(SPINEFX_ISA),
                                       kLanes,
                                       {stream_out, lerp_row, locate, gather, scatter, prefilter, filter,
                                        cubic, sinc, moments, distances, dots, ramp, envelope, root},
                                       pixels<float>(),
                                       pixels<Half>(),
                                       pixels<std::int16_t>(),
                                       pixels<std::uint16_t>(),
                                       pixels<std::uint8_t>()};
    return found;
}

}  // namespace spinefx::SPINEFX_ISA
