// libFuzzer: clouds of points of any small size, near ones and copies among them, through neighbours,
// geodesics and planes. The neighbours must be those of a plain search.
#include <algorithm>
#include <cmath>
#include <cstdint>
#include <memory>
#include <stdexcept>
#include <vector>

#include "bytes.hpp"
#include "spinefx/measures.hpp"
#include "spinefx/points.hpp"
#include "spinefx/rays.hpp"

namespace {

using namespace spinefx;
using fuzz::check;

void nearest(const std::vector<double>& points, Index n, Index width, Index k) {
    std::vector<std::int64_t> index(static_cast<std::size_t>(n * k));
    std::vector<double> distance(index.size()), paths(static_cast<std::size_t>(n));
    neighbours(points.data(), n, width, k, index.data(), distance.data());
    for (Index i = 0; i < n; ++i) {
        std::vector<double> all;
        for (Index j = 0; j < n; ++j) {
            double sum = 0.0;
            for (Index d = 0; d < width; ++d) {
                const double step = points[static_cast<std::size_t>(i * width + d)] -
                                    points[static_cast<std::size_t>(j * width + d)];
                sum += step * step;
            }
            if (j != i) all.push_back(std::sqrt(sum));
        }
        std::sort(all.begin(), all.end());
        for (Index j = 0; j < k; ++j) {
            const double found = distance[static_cast<std::size_t>(i * k + j)],
                         wanted = all[static_cast<std::size_t>(j)];
            check(std::abs(found - wanted) <= 1e-9 * wanted);
        }
    }
    const std::int64_t source = n - 1;
    geodesics(index.data(), distance.data(), n, k, &source, 1, paths.data());
    for (const double path : paths) check(path >= 0.0);
}

// Neighbours as somebody else might have made them: indices that lead anywhere, lengths of any kind.
void wander(fuzz::Bytes bytes, Index n, Index k) {
    std::vector<std::int64_t> index(static_cast<std::size_t>(n * k));
    std::vector<double> length(index.size()), paths(static_cast<std::size_t>(n));
    for (auto& one : index)
        one = bytes.byte() < 250 ? bytes.size(n > 0 ? n - 1 : 0) : bytes.value<std::int64_t>();
    for (double& one : length) one = bytes.real();
    const std::int64_t source = bytes.byte() < 250 ? 0 : bytes.value<std::int64_t>();
    geodesics(index.data(), length.data(), n, k, &source, 1, paths.data());
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
    if (size < 9) return 0;
    const Index n = data[0] % 24, width = data[1] % 20, k = data[2] % 8;
    const double scale = std::ldexp(1.0, data[3] % 60 - 30), far = data[4] % 3 == 0 ? 1e6 : 0.0;
    std::vector<double> points(static_cast<std::size_t>(n * width));
    for (std::size_t i = 0; i < points.size(); ++i) {
        const std::uint8_t byte = data[8 + i % (size - 8)];
        points[i] = far + scale * static_cast<double>(byte % 16 == 0 ? 0 : byte);
    }
    const Shape shape{data[7] % 4 == 0 ? data[6] % 40 : 1, n, width};
    const std::vector<float> maps(static_cast<std::size_t>(2 * shape.voxels()), static_cast<float>(scale));
    double sums[20];
    soft_moments(maps.data(), 2, shape, sums);
    try {
        if (data[6] % 8 == 7) wander({data + 8, size - 8}, n, k);
        if (width == 3 && data[5] % 2 == 0) {
            const double along[3] = {0.0, 0.6, 0.8};
            const auto kept = std::make_unique<bool[]>(static_cast<std::size_t>(n));
            const Plane plane = fit_plane(points.data(), n, data[5] % 4 == 0 ? along : nullptr,
                                          data[6] / 32.0, data[7] % 5, kept.get());
            double length = 0.0;
            for (const double part : plane.normal) length += part * part;
            check(std::abs(length - 1.0) < 1e-9);
        } else if (width > 0) {
            nearest(points, n, width, k);
        }
    } catch (const std::invalid_argument&) {
        return 0;  // a refusal is an answer
    }
    return 0;
}
