// What the row kernels of one instruction set share; SPINEFX_ISA names their namespace. Standard templates
// are kept out: an instance made here for a newer instruction set could become everybody's.
#pragma once

#include "spinefx/rows.hpp"
#include "spinefx/sampling.hpp"

#if defined(__AVX2__)
#include <immintrin.h>
#elif defined(__SSE2__)
#include <emmintrin.h>
#endif

namespace spinefx::SPINEFX_ISA {

// Sixteen floats side by side, whatever registers there are.
#if defined(__GNUC__)
typedef float Wide __attribute__((vector_size(64)));
#else
struct Wide {
    float v[16];
    float operator[](int i) const { return v[i]; }
};
inline Wide operator+(Wide a, Wide b) {
    for (int i = 0; i < 16; ++i) a.v[i] += b.v[i];
    return a;
}
inline Wide operator-(Wide a, Wide b) {
    for (int i = 0; i < 16; ++i) a.v[i] -= b.v[i];
    return a;
}
inline Wide operator*(Wide a, Wide b) {
    for (int i = 0; i < 16; ++i) a.v[i] *= b.v[i];
    return a;
}
#endif
constexpr Index kWide = 16;

void spread(const float* row, const Spread& spread, float* out);
void lerp_row(const float* a, const float* b, float weight, Index count, float* out);
void locate(const Line& line, Locate mode, Index count, Points& out);
void moments(const float* map, Shape shape, double* out);
void distances(const float* points, Index count, Index width, const float* to, float* out);

template <class T>
void widen(const T* in, Index count, float* out);
template <class T>
void blend(const float* a, const float* b, float weight, Index count, T* out, bool stream);
template <class T>
void linear(const T* data, const std::int32_t stride[3], const Points& points, Index count, T* out);
template <class T>
void pick(const T* data, const std::int32_t* offset, Index count, T* out);
template <class T>
void vote(const T* data, const std::int32_t stride[3], const Points& points, Index count, T* out);
template <class T>
Index change(const T* const rows[4], Index from, Index end, T label);

}  // namespace spinefx::SPINEFX_ISA

// Instantiates a row kernel template for every pixel type.
#define SPINEFX_FOR_PIXELS(DO) DO(float) DO(std::int16_t) DO(std::uint16_t) DO(std::uint8_t)
