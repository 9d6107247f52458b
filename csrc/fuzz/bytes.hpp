// What the fuzz targets draw from: the fuzzer's bytes, as sizes and numbers; zeros when they are used up.
#pragma once

#include <cstdint>
#include <cstdlib>
#include <cstring>

#include "spinefx/core.hpp"

namespace fuzz {

class Bytes {
  public:
    Bytes(const std::uint8_t* data, std::size_t size) : data_(data), left_(size) {}

    std::uint8_t byte() { return left_ == 0 ? 0 : (--left_, *data_++); }

    // 0 ... most.
    spinefx::Index size(spinefx::Index most) { return byte() % (most + 1); }

    // One axis, any of the three, may be long: that is where vectors, tiles and bands have their ends.
    spinefx::Shape shape(spinefx::Index most, spinefx::Index longest) {
        const int axis = byte() % 3;
        const auto along = [&](int one) { return size(one == axis ? longest : most); };
        const spinefx::Index z = along(0), y = along(1), x = along(2);
        return {z, y, x};
    }

    template <class T>
    T value() {
        T made{};
        if (left_ < sizeof(T)) return made;
        std::memcpy(&made, data_, sizeof(T));
        data_ += sizeof(T);
        left_ -= sizeof(T);
        return made;
    }

    // Any double, or one that comes near a small volume.
    double real() {
        const std::uint8_t how = byte();
        return how < 16 ? value<double>() : how < 96 ? 0.0 : static_cast<double>(how - 160) / 16.0;
    }

    double positive() { return static_cast<double>(byte() + 1) / 32.0; }

  private:
    const std::uint8_t* data_;
    std::size_t left_;
};

inline void check(bool holds) {
    if (!holds) std::abort();
}

}  // namespace fuzz
