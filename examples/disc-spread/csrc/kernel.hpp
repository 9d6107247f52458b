// The kernel: knows neither Python nor who calls it.
#pragma once

#include <cstddef>
#include <span>

namespace disc_spread {

// out[i] = values[i] * factor + offset. Both spans have the same length and do not overlap; allocates and throws nothing.
void scaled(std::span<const float> values, float factor, float offset, std::span<float> out) noexcept;

}  // namespace disc_spread
