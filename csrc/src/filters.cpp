#include "spinefx/filters.hpp"

#include <algorithm>
#include <cmath>
#include <numbers>
#include <vector>

namespace spinefx {
namespace {

double sinc(double x) {
    const double turn = std::numbers::pi * x;
    return std::abs(x) < 1e-9 ? 1.0 : std::sin(turn) / turn;
}

double kernel_at(Kernel kernel, double x) {
    const double away = std::abs(x);
    if (kernel == Kernel::tent) return std::max(0.0, 1.0 - away);
    if (kernel == Kernel::lanczos) return away < kLanczos ? sinc(x) * sinc(x / kLanczos) : 0.0;
    if (away < 1.0) return 2.0 / 3.0 - away * away + away * away * away / 2.0;
    const double rest = std::max(0.0, 2.0 - away);
    return rest * rest * rest / 6.0;
}

double radius_of(Kernel kernel) {
    return kernel == Kernel::tent ? 1.0 : kernel == Kernel::spline ? 2.0 : kLanczos;
}

// One output's weights before they are laid side by side.
struct Weights {
    Index low = 0;
    std::vector<double> of;
};

Weights weigh(Kernel kernel, double position, double stretch, Index source) {
    constexpr double kNothing = 1e-9;  // a zero of the kernel, up to rounding
    const double reach = radius_of(kernel) * stretch;
    const Index from = static_cast<Index>(std::ceil(position - reach)),
                to = static_cast<Index>(std::floor(position + reach));
    std::vector<std::pair<Index, double>> found;
    double sum = 0.0;
    for (Index j = from; j <= to; ++j) {
        const double weight = kernel_at(kernel, (static_cast<double>(j) - position) / stretch);
        const bool inside = j >= 0 && j < source;
        if (std::abs(weight) < kNothing || (kernel == Kernel::tent && !inside)) continue;
        found.emplace_back(kernel == Kernel::spline ? mirrored(j, source) : held(j, source), weight);
        sum += weight;
    }
    const auto [least, most] = std::minmax_element(found.begin(), found.end());
    Weights made{least->first, std::vector<double>(static_cast<std::size_t>(most->first - least->first + 1))};
    for (const auto& [at, weight] : found) made.of[static_cast<std::size_t>(at - made.low)] += weight / sum;
    return made;
}

FilterTaps empty_taps(Index size, Index source) {
    FilterTaps taps;
    taps.size = size;
    taps.source = source;
    taps.begin = size;
    taps.first = source;
    taps.last = -1;
    taps.low = Buffer<std::int32_t>(size, 0);
    return taps;
}

}  // namespace

FilterTaps make_filter(Kernel kernel, double scale, double shift, Index size, Index source, double stretch,
                       bool extend) {
    FilterTaps taps = empty_taps(size, source);
    std::vector<Weights> all(static_cast<std::size_t>(size));
    for (Index i = 0; i < size; ++i) {
        double position = scale * static_cast<double>(i) + shift;
        if (extend) position = std::clamp(position, 0.0, static_cast<double>(source - 1));
        if (!is_inside(position, source)) continue;
        taps.begin = std::min(taps.begin, i);
        taps.end = i + 1;
        Weights& made = all[static_cast<std::size_t>(i)];
        made = weigh(kernel, position, stretch, source);
        taps.taps = std::max(taps.taps, static_cast<Index>(made.of.size()));
    }
    taps.weight = Buffer<float>(size * taps.taps, 0.0f);
    for (Index i = taps.begin; i < taps.end; ++i) {
        const Weights& made = all[static_cast<std::size_t>(i)];
        const Index low = std::min(made.low, source - taps.taps);  // zeros before rather than beyond the end
        taps.low[i] = static_cast<std::int32_t>(low);
        float* const to = taps.weight.data() + i * taps.taps + (made.low - low);
        std::transform(made.of.begin(), made.of.end(), to, [](double w) { return static_cast<float>(w); });
        taps.first = std::min(taps.first, low);
        taps.last = std::max(taps.last, low + taps.taps - 1);
    }
    return taps;
}

FilterTaps make_mirror(Index shift, Index size, Index source) {
    FilterTaps taps = empty_taps(size, source);
    taps.begin = 0;
    taps.end = size;
    taps.taps = 1;
    taps.weight = Buffer<float>(size, 1.0f);
    for (Index i = 0; i < size; ++i) {
        const Index at = mirrored(i + shift, source);
        taps.low[i] = static_cast<std::int32_t>(at);
        taps.first = std::min(taps.first, at);
        taps.last = std::max(taps.last, at);
    }
    return taps;
}

const float* sinc_table() {
    static const Buffer<float> table = [] {
        Buffer<float> made((kSincSteps + 1) * kSincRow, 0.0f);
        for (Index step = 0; step <= kSincSteps; ++step) {
            const double at = static_cast<double>(step) / static_cast<double>(kSincSteps) + (kLanczos - 1);
            double weight[2 * kLanczos], sum = 0.0;
            for (int i = 0; i < 2 * kLanczos; ++i) sum += weight[i] = kernel_at(Kernel::lanczos, i - at);
            for (int i = 0; i < 2 * kLanczos; ++i)
                made[step * kSincRow + i] = static_cast<float>(weight[i] / sum);
        }
        return made;
    }();
    return table.data();
}

}  // namespace spinefx
