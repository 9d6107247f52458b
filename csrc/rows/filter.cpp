// Rows of the separable filters (cubic, sinc, antialias): transposed bands along x, whole rows along y and z.
// Also the same kernels around single points.
#include "rows.hpp"

namespace spinefx::SPINEFX_ISA {
namespace {

SPINEFX_HD Wide load(const float* from) {
    return load_as<Wide>(from);
}

SPINEFX_HD Wide all(float value) {
    return all_of<Wide>(value);
}

// out[out_stride * j + i] = in[stride * i + j] for a block of `rows` x `columns`.
SPINEFX_HD void transpose(const float* SPINEFX_RESTRICT in, Index stride, Index rows, Index columns,
                          float* SPINEFX_RESTRICT out, Index out_stride) {
    Index i = 0;
#if defined(__SSE2__)
    for (; i + 4 <= rows; i += 4) {
        Index j = 0;
        for (; j + 4 <= columns; j += 4) {
            const float* const from = in + i * stride + j;
            __m128 a = _mm_loadu_ps(from), b = _mm_loadu_ps(from + stride),
                   c = _mm_loadu_ps(from + 2 * stride), d = _mm_loadu_ps(from + 3 * stride);
            _MM_TRANSPOSE4_PS(a, b, c, d);
            float* const to = out + j * out_stride + i;
            _mm_storeu_ps(to, a);
            _mm_storeu_ps(to + out_stride, b);
            _mm_storeu_ps(to + 2 * out_stride, c);
            _mm_storeu_ps(to + 3 * out_stride, d);
        }
        for (; j < columns; ++j) {
            for (Index k = i; k < i + 4; ++k) out[j * out_stride + k] = in[k * stride + j];
        }
    }
#endif
    for (; i < rows; ++i) {
        for (Index j = 0; j < columns; ++j) out[j * out_stride + i] = in[i * stride + j];
    }
}

constexpr float kPole = -0.267949192431122706f;  // sqrt(3) - 2
constexpr Index kDamped = 24;  // kPole^24 is 2e-14: what lies further off is lost in rounding

// `some` vectors of signals side by side.
template <std::size_t some>
SPINEFX_HD void prefilter_block(float* SPINEFX_RESTRICT data, Index count, Index stride) {
    const Wide pole = all(kPole), gain = all(6.0f);
    Wide before[some];
    // The first coefficient sums the mirrored signal, as far as it counts.
    for (std::size_t v = 0; v < some; ++v) before[v] = gain * load(data + static_cast<Index>(v) * kWide);
    float power = kPole;
    const Index period = 2 * (count - 1);
    for (Index i = 1; i < kDamped; ++i, power *= kPole) {
        Index at = i % period;
        at = at < count ? at : period - at;
        const Wide weight = all(power);
        for (std::size_t v = 0; v < some; ++v)
            before[v] =
                before[v] + weight * (gain * load(data + at * stride + static_cast<Index>(v) * kWide));
    }
    for (std::size_t v = 0; v < some; ++v) store(before[v], data + static_cast<Index>(v) * kWide);
    for (Index i = 1; i < count; ++i) {
        float* const row = data + i * stride;
        for (std::size_t v = 0; v < some; ++v) {
            before[v] = gain * load(row + static_cast<Index>(v) * kWide) + pole * before[v];
            store(before[v], row + static_cast<Index>(v) * kWide);
        }
    }
    const Wide last = all(kPole / (kPole * kPole - 1.0f));
    float* const end = data + (count - 1) * stride;
    for (std::size_t v = 0; v < some; ++v) {
        before[v] = last * (before[v] + pole * load(end - stride + static_cast<Index>(v) * kWide));
        store(before[v], end + static_cast<Index>(v) * kWide);
    }
    for (Index i = count - 2; i >= 0; --i) {
        float* const row = data + i * stride;
        for (std::size_t v = 0; v < some; ++v) {
            before[v] = pole * (before[v] - load(row + static_cast<Index>(v) * kWide));
            store(before[v], row + static_cast<Index>(v) * kWide);
        }
    }
}

template <std::size_t some>
SPINEFX_HD void filter_block(const float* SPINEFX_RESTRICT in, Index stride, const float* weight, Index taps,
                             float* SPINEFX_RESTRICT out) {
    Wide sum[some];
    const Wide first = all(weight[0]);
    for (std::size_t v = 0; v < some; ++v) sum[v] = first * load(in + static_cast<Index>(v) * kWide);
    for (Index k = 1; k < taps; ++k) {
        const Wide next = all(weight[k]);
        for (std::size_t v = 0; v < some; ++v)
            sum[v] = sum[v] + next * load(in + k * stride + static_cast<Index>(v) * kWide);
    }
    for (std::size_t v = 0; v < some; ++v) store(sum[v], out + static_cast<Index>(v) * kWide);
}

// The sum of sixteen numbers, always in the same order.
SPINEFX_HD float total(const Wide& value) {
    float v[kWide];
    std::memcpy(v, &value, sizeof(v));
    for (int half = 8; half > 0; half /= 2) {
        for (int i = 0; i < half; ++i) v[i] = v[i] + v[i + half];
    }
    return v[0];
}

}  // namespace

void gather(const float* rows, Index stride, Index lines, Index count, float* tile, Index pitch) {
    transpose(rows, stride, lines, count, tile, pitch);
}

void scatter(const float* tile, Index pitch, Index lines, Index count, float* rows, Index stride) {
    Index i = 0;
    for (; i + kWide <= count; i += kWide) transpose(tile + i * pitch, pitch, kWide, lines, rows + i, stride);
    transpose(tile + i * pitch, pitch, count - i, lines, rows + i, stride);
}

void prefilter(float* data, Index count, Index stride, Index lines) {
    if (count == 1) return;  // a constant: the coefficient is the sample
    Index c = 0;
    for (; c + 4 * kWide <= lines; c += 4 * kWide) prefilter_block<4>(data + c, count, stride);
    for (; c < lines; c += kWide) prefilter_block<1>(data + c, count, stride);
}

void filter(const float* in, Index stride, const Filter& filter, Index begin, Index end, Index lines,
            float* out, Index out_stride) {
    for (Index i = begin; i < end; ++i) {
        const float* const from = in + (filter.low[i] - filter.origin) * stride;
        const float* const weight = filter.weight + i * filter.taps;
        float* const to = out + (i - begin) * out_stride;
        Index c = 0;
        for (; c + 4 * kWide <= lines; c += 4 * kWide)
            filter_block<4>(from + c, stride, weight, filter.taps, to + c);
        for (; c < lines; c += kWide) filter_block<1>(from + c, stride, weight, filter.taps, to + c);
    }
}

void cubic(const float* data, const std::int32_t stride[3], const Points& points, Index count, float* out) {
    // The polynomials of `cubic_weights`, four side by side.
    constexpr float kForm[4][4] = {{-1.0f / 6.0f, 0.5f, -0.5f, 1.0f / 6.0f},
                                   {0.5f, -1.0f, 0.5f, 0.0f},
                                   {-0.5f, 0.0f, 0.5f, 0.0f},
                                   {1.0f / 6.0f, 2.0f / 3.0f, 1.0f / 6.0f, 0.0f}};
    const Four c3 = load_as<Four>(kForm[0]), c2 = load_as<Four>(kForm[1]), c1 = load_as<Four>(kForm[2]),
               c0 = load_as<Four>(kForm[3]);
    const auto weights = [&](float fraction) {
        const Four t = all_of<Four>(fraction);
        return ((c3 * t + c2) * t + c1) * t + c0;
    };
    const Index sy = stride[1], sz = stride[0];
    for (Index k = 0; k < count; ++k) {
        const Four wx = weights(points.fraction[2][k]);
        float wz[4], wy[4];
        store(weights(points.fraction[0][k]), wz);
        store(weights(points.fraction[1][k]), wy);
        const Four y0 = all_of<Four>(wy[0]), y1 = all_of<Four>(wy[1]), y2 = all_of<Four>(wy[2]),
                   y3 = all_of<Four>(wy[3]);
        const float* plane = data + points.offset[k];
        // A row of four planes in turn, a tile ahead.
        fetch(plane + points.ahead + (k & 3) * sz + (k >> 2 & 3) * sy);
        Four sum = all_of<Four>(0.0f);
        for (int z = 0; z < 4; ++z, plane += sz) {
            const Four part = (y0 * load_as<Four>(plane) + y1 * load_as<Four>(plane + sy)) +
                              (y2 * load_as<Four>(plane + 2 * sy) + y3 * load_as<Four>(plane + 3 * sy));
            sum = sum + all_of<Four>(wz[z]) * part;
        }
        float four[4];
        store(sum * wx, four);
        out[k] = (four[0] + four[1]) + (four[2] + four[3]);
    }
}

void sinc(const float* data, const std::int32_t stride[3], const Points& points, const float* table,
          Index count, float* out) {
    constexpr int kTaps = 2 * kLanczos;
    for (Index k = 0; k < count; ++k) {
        Wide weight[3];
        for (int axis = 0; axis < 3; ++axis) {
            const float place = points.fraction[axis][k] * static_cast<float>(kSincSteps);
            Index row = static_cast<Index>(place);
            if (row > kSincSteps - 1) row = kSincSteps - 1;
            const float* const low = table + row * kSincRow;
            const Wide a = load(low), b = load(low + kSincRow);
            weight[axis] = a + all(place - static_cast<float>(row)) * (b - a);
        }
        const float* const from = data + points.offset[k];
        float wz[kWide], wy[kWide];
        store(weight[0], wz);
        store(weight[1], wy);
        Wide sum = all(0.0f);
        for (int z = 0; z < kTaps; ++z) {
            const float* const plane = from + z * stride[0];
            Wide part = all(wy[0]) * load(plane);
            for (int y = 1; y < kTaps; ++y) part = part + all(wy[y]) * load(plane + y * stride[1]);
            sum = sum + all(wz[z]) * part;
        }
        out[k] = total(sum * weight[2]);
    }
}

}  // namespace spinefx::SPINEFX_ISA
