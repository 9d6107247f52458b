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

// Sixteen and four floats side by side, whatever registers there are.
#if defined(__GNUC__)
typedef float Wide __attribute__((vector_size(64)));
typedef float Four __attribute__((vector_size(16)));
SPINEFX_HD Wide smaller(Wide a, Wide b) {
    return a < b ? a : b;
}
// As many floats, and whole numbers, as one register holds.
#if defined(__AVX512F__)
constexpr Index kNative = 16;
#elif defined(__AVX2__)
constexpr Index kNative = 8;
#else
constexpr Index kNative = 4;
#endif
typedef float Native __attribute__((vector_size(4 * kNative)));
typedef std::int32_t NativeInt __attribute__((vector_size(4 * kNative)));
SPINEFX_HD Native floats_of(NativeInt a) {
    return __builtin_convertvector(a, Native);
}
SPINEFX_HD NativeInt whole_of(Native a) {
    return __builtin_convertvector(a, NativeInt);
}
// The whole numbers at or below, of numbers that are not large.
SPINEFX_HD Native floor_of(Native a) {
#if defined(__AVX512F__)
    return reinterpret_cast<Native>(
        _mm512_roundscale_ps(reinterpret_cast<__m512>(a), _MM_FROUND_TO_NEG_INF | _MM_FROUND_NO_EXC));
#elif defined(__AVX2__)
    return reinterpret_cast<Native>(_mm256_floor_ps(reinterpret_cast<__m256>(a)));
#else
    const NativeInt cut = whole_of(a);
    return floats_of(cut + (floats_of(cut) > a));
#endif
}
SPINEFX_HD bool all_between(Native a, float low, float high) {
#if defined(__AVX512F__)
    const __m512 v = reinterpret_cast<__m512>(a);
    return (_mm512_cmp_ps_mask(v, _mm512_set1_ps(low), _CMP_GT_OQ) &
            _mm512_cmp_ps_mask(v, _mm512_set1_ps(high), _CMP_LT_OQ)) == 0xffff;
#else
    const NativeInt good = (a > Native{} + low) & (a < Native{} + high);
#if defined(__AVX2__)
    return _mm256_movemask_ps(reinterpret_cast<__m256>(good)) == 0xff;
#else
    return (good[0] & good[1] & good[2] & good[3]) != 0;
#endif
#endif
}
// `best` and `at` become `value` and `place` where that is smaller.
SPINEFX_HD void take(Wide value, Wide place, Wide& best, Wide& at) {
    const auto less = value < best;
    best = less ? value : best;
    at = less ? place : at;
}
#else
template <int n>
struct Side {
    float v[n];
    float operator[](int i) const { return v[i]; }
    friend Side operator+(Side a, Side b) {
        for (int i = 0; i < n; ++i) a.v[i] += b.v[i];
        return a;
    }
    friend Side operator-(Side a, Side b) {
        for (int i = 0; i < n; ++i) a.v[i] -= b.v[i];
        return a;
    }
    friend Side operator*(Side a, Side b) {
        for (int i = 0; i < n; ++i) a.v[i] *= b.v[i];
        return a;
    }
    friend Side operator+(Side a, float b) {
        for (int i = 0; i < n; ++i) a.v[i] += b;
        return a;
    }
    friend Side operator*(Side a, float b) {
        for (int i = 0; i < n; ++i) a.v[i] *= b;
        return a;
    }
};
typedef Side<16> Wide;
typedef Side<4> Four;
constexpr Index kNative = 4;
typedef Side<4> Native;
struct NativeInt {
    std::int32_t v[4];
    friend NativeInt operator+(NativeInt a, NativeInt b) {
        for (int i = 0; i < 4; ++i) a.v[i] += b.v[i];
        return a;
    }
    friend NativeInt operator+(NativeInt a, std::int32_t b) {
        for (int i = 0; i < 4; ++i) a.v[i] += b;
        return a;
    }
    friend NativeInt operator*(NativeInt a, std::int32_t b) {
        for (int i = 0; i < 4; ++i) a.v[i] *= b;
        return a;
    }
};
inline NativeInt whole_of(Native a) {
    NativeInt made;
    for (int i = 0; i < 4; ++i) made.v[i] = static_cast<std::int32_t>(a.v[i]);
    return made;
}
inline Native floor_of(Native a) {
    Native made;
    for (int i = 0; i < 4; ++i) {
        const float cut = static_cast<float>(static_cast<std::int32_t>(a.v[i]));
        made.v[i] = cut > a.v[i] ? cut - 1.0f : cut;
    }
    return made;
}
inline bool all_between(Native a, float low, float high) {
    bool good = true;
    for (int i = 0; i < 4; ++i) good = good && a.v[i] > low && a.v[i] < high;
    return good;
}
inline Wide smaller(Wide a, Wide b) {
    for (int i = 0; i < 16; ++i) a.v[i] = a.v[i] < b.v[i] ? a.v[i] : b.v[i];
    return a;
}
inline void take(Wide value, Wide place, Wide& best, Wide& at) {
    for (int i = 0; i < 16; ++i) {
        if (!(value.v[i] < best.v[i])) continue;
        best.v[i] = value.v[i];
        at.v[i] = place.v[i];
    }
}
#endif
constexpr Index kWide = 16;

template <class V>
SPINEFX_HD V load_as(const float* from) {
    V made;
    std::memcpy(&made, from, sizeof(made));
    return made;
}

template <class V>
SPINEFX_HD V all_of(float value) {
    float same[sizeof(V) / sizeof(float)];
    for (float& one : same) one = value;
    return load_as<V>(same);
}

template <class V>
SPINEFX_HD void store(const V& value, void* to) {
    std::memcpy(to, &value, sizeof(value));
}

// The smallest and the largest of the sixteen.
SPINEFX_HD float smallest(Wide value) {
    float part[kWide];
    std::memcpy(part, &value, sizeof(part));
    for (Index half = kWide / 2; half > 0; half /= 2) {
        for (Index i = 0; i < half; ++i) part[i] = part[i] < part[i + half] ? part[i] : part[i + half];
    }
    return part[0];
}
SPINEFX_HD float largest(Wide value) {
    float part[kWide];
    std::memcpy(part, &value, sizeof(part));
    for (Index half = kWide / 2; half > 0; half /= 2) {
        for (Index i = 0; i < half; ++i) part[i] = part[i] > part[i + half] ? part[i] : part[i + half];
    }
    return part[0];
}

// Asks for a line that is wanted soon; nothing happens where there is none.
SPINEFX_HD void fetch(const void* at) {
#if defined(__GNUC__)
    __builtin_prefetch(at);
#else
    static_cast<void>(at);
#endif
}

void stream_out(const void* from, void* to, Index bytes);
void lerp_row(const float* a, const float* b, float weight, Index count, float* out);
void locate(const Line& line, Locate mode, Index count, Points& out);
void gather(const float* rows, Index stride, Index lines, Index count, float* tile, Index pitch);
void scatter(const float* tile, Index pitch, Index lines, Index count, float* rows, Index stride);
void prefilter(float* data, Index count, Index stride, Index lines);
void filter(const float* in, Index stride, const Filter& filter, Index begin, Index end, Index lines,
            float* out, Index out_stride);
void cubic(const float* data, const std::int32_t stride[3], const Points& points, Index count, float* out);
void sinc(const float* data, const std::int32_t stride[3], const Points& points, const float* table,
          Index count, float* out);
void moments(const float* maps, Index count, Shape shape, double* out);
void distances(const float* points, Index count, Index width, const float* to, float* out);
void dots(const float* panel, Index width, const float* queries, Index stride, Index count, float* out);
void ramp(Index count, bool left, bool right, float step, float* out);
void envelope(const LineSites& sites, float* out);
void root(float* row, Index count);

template <class T>
void spread(const T* row, const Spread& spread, float* out);
template <class T>
void choose(const T* row, const Spread& spread, T* out);
template <class T>
void widen(const T* in, Index count, float* out);
template <class T>
void blend(const float* a, const float* b, float weight, Index count, T* out, bool stream);
template <class T>
void narrow(const float* in, Index count, T* out, bool stream);
template <class T>
void linear(const T* data, const std::int32_t stride[3], const Points& points, Index count, T* out);
template <class T>
void pick(const T* data, const std::int32_t* offset, Index count, T* out);
template <class T>
void vote(const T* data, const std::int32_t stride[3], const Points& points, Index count, T* out);
template <class T>
Index change(const T* const rows[4], Index from, Index end, T label);
template <class T>
void mixed(const T* const rows[4], Index count, std::uint8_t* out);
template <class T>
bool boundaries(const T* labels, Index count, bool with_background, float* before, float* after);

}  // namespace spinefx::SPINEFX_ISA

// Instantiates a row kernel template for every pixel type.
#define SPINEFX_FOR_PIXELS(DO) DO(float) DO(std::int16_t) DO(std::uint16_t) DO(std::uint8_t)
