#include "kernel.hpp"

namespace disc_spread {

void scaled(std::span<const float> values, float factor, float offset, std::span<float> out) noexcept {
  for (std::size_t i = 0; i < values.size(); ++i) {
    out[i] = values[i] * factor + offset;
  }
}

}  // namespace disc_spread
