#include "spinefx/points.hpp"

#include <algorithm>
#include <cmath>
#include <limits>
#include <queue>
#include <stdexcept>
#include <string>
#include <vector>

#include "spinefx/rows.hpp"
#include "spinefx/threads.hpp"

namespace spinefx {
namespace {

constexpr Index kPad = 16;      // rows of float points are padded with zeros to whole vectors
constexpr Index kQueries = 16;  // rows of distances held at once

// Points moved to their mean, scaled into -1..1 and rounded to float, and how far off a distance between them
// may be.
struct Cloud {
    Buffer<float> points;
    Index width;
    double absolute, relative;
};

Cloud make_cloud(const double* points, Index n, Index width) {
    Cloud cloud{{}, (width + kPad - 1) / kPad * kPad, 0.0, 0.0};
    cloud.points = Buffer<float>(n * cloud.width, 0.0f);
    std::vector<double> mean(static_cast<std::size_t>(width), 0.0);
    double reach = 0.0;
    for (Index i = 0; i < n * width; ++i) {
        mean[static_cast<std::size_t>(i % width)] += points[i] / static_cast<double>(n);
    }
    const auto moved = [&](Index i, Index d) {
        return points[i * width + d] - mean[static_cast<std::size_t>(d)];
    };
    for (Index i = 0; i < n; ++i) {
        for (Index d = 0; d < width; ++d) reach = std::max(reach, std::abs(moved(i, d)));
    }
    for (Index i = 0; i < n && reach > 0.0; ++i) {
        for (Index d = 0; d < width; ++d)
            cloud.points[i * cloud.width + d] = static_cast<float>(moved(i, d) / reach);
    }
    constexpr double kRound = 1.0 / (1 << 24);
    cloud.absolute = 4.0 * kRound * std::sqrt(static_cast<double>(width));
    cloud.relative = kRound * static_cast<double>(cloud.width / kPad + kPad + 4);
    return cloud;
}

double squared(const double* a, const double* b, Index width) {
    double sum = 0.0;
    for (Index d = 0; d < width; ++d) sum += (a[d] - b[d]) * (a[d] - b[d]);
    return sum;
}

// The k smallest of a row of float distances, settled in double. `best` and `found` are scratch.
void settle(const double* points, const Cloud& cloud, Index n, Index width, Index k, Index self,
            const float* row, std::vector<float>& best, std::vector<std::pair<double, Index>>& found,
            std::int64_t* index, double* distance) {
    // A heap of the k smallest so far; its top is beaten a few times k only.
    best.assign(static_cast<std::size_t>(k), std::numeric_limits<float>::infinity());
    for (Index i = 0; i < n; ++i) {
        if (!(row[i] < best.front()) || i == self) continue;
        std::pop_heap(best.begin(), best.end());
        best.back() = row[i];
        std::push_heap(best.begin(), best.end());
    }
    const double kth = std::sqrt(static_cast<double>(best.front()));
    const double most = (kth * (1.0 + cloud.relative) + 2.0 * cloud.absolute) * (1.0 + cloud.relative);
    const double limit = most * most;
    found.clear();
    for (Index i = 0; i < n; ++i) {
        if (!(static_cast<double>(row[i]) > limit) && i != self) {
            found.emplace_back(squared(points + self * width, points + i * width, width), i);
        }
    }
    std::partial_sort(found.begin(), found.begin() + k, found.end());
    for (Index j = 0; j < k; ++j) {
        index[j] = found[static_cast<std::size_t>(j)].second;
        distance[j] = std::sqrt(found[static_cast<std::size_t>(j)].first);
    }
}

}  // namespace

void neighbours(const double* points, Index n, Index width, Index k, std::int64_t* index, double* distance) {
    if (k < 1 || k >= n) {
        throw std::invalid_argument("k must be in 1.." + std::to_string(n - 1) + ", got " +
                                    std::to_string(k));
    }
    const Cloud cloud = make_cloud(points, n, width);
    // A block of points that stays in the first caches while several queries pass over it.
    const Index block = std::clamp<Index>(16384 / cloud.width, 16, 1024);
    const double work =
        0.1 * static_cast<double>(n) * static_cast<double>(n) * static_cast<double>(cloud.width);
    parallel_for((n + kQueries - 1) / kQueries, work, [&](Index task) {
        const Index first = task * kQueries, last = std::min(n, first + kQueries);
        Buffer<float> rows_of(kQueries * n);
        for (Index from = 0; from < n; from += block) {
            const Index some = std::min(block, n - from);
            for (Index q = first; q < last; ++q) {
                rows().real.distances(cloud.points.data() + from * cloud.width, some, cloud.width,
                                      cloud.points.data() + q * cloud.width,
                                      rows_of.data() + (q - first) * n + from);
            }
        }
        std::vector<float> best;
        std::vector<std::pair<double, Index>> found;
        for (Index q = first; q < last; ++q) {
            settle(points, cloud, n, width, k, q, rows_of.data() + (q - first) * n, best, found,
                   index + q * k, distance + q * k);
        }
    });
}

void geodesics(const std::int64_t* index, const double* length, Index n, Index k, const std::int64_t* sources,
               Index count, double* out) {
    const auto inside = [n](std::int64_t i) { return i >= 0 && i < n; };
    if (!std::all_of(index, index + n * k, inside) || !std::all_of(sources, sources + count, inside)) {
        throw std::invalid_argument("neighbours and sources must be in 0.." + std::to_string(n - 1));
    }
    // Both directions of every edge, grouped by where they start.
    std::vector<Index> starts(static_cast<std::size_t>(n) + 1, 0);
    for (Index i = 0; i < n * k; ++i) {
        ++starts[static_cast<std::size_t>(i / k) + 1];
        ++starts[static_cast<std::size_t>(index[i]) + 1];
    }
    for (std::size_t i = 1; i < starts.size(); ++i) starts[i] += starts[i - 1];
    std::vector<std::pair<Index, double>> edges(static_cast<std::size_t>(2 * n * k));
    std::vector<Index> next(starts.begin(), starts.end() - 1);
    for (Index i = 0; i < n * k; ++i) {
        const auto a = static_cast<std::size_t>(i / k), b = static_cast<std::size_t>(index[i]);
        edges[static_cast<std::size_t>(next[a]++)] = {index[i], length[i]};
        edges[static_cast<std::size_t>(next[b]++)] = {i / k, length[i]};
    }
    parallel_for(count, 100.0 * static_cast<double>(count * n * k), [&](Index s) {
        double* const found = out + s * n;
        std::fill_n(found, n, std::numeric_limits<double>::infinity());
        using Step = std::pair<double, Index>;
        std::priority_queue<Step, std::vector<Step>, std::greater<>> queue;
        found[sources[s]] = 0.0;
        queue.emplace(0.0, sources[s]);
        while (!queue.empty()) {
            const auto [far, a] = queue.top();
            queue.pop();
            if (far > found[a]) continue;
            for (Index e = starts[static_cast<std::size_t>(a)]; e < starts[static_cast<std::size_t>(a) + 1];
                 ++e) {
                const auto& [b, step] = edges[static_cast<std::size_t>(e)];
                if (far + step < found[b]) {
                    found[b] = far + step;
                    queue.emplace(far + step, b);
                }
            }
        }
    });
}

}  // namespace spinefx
