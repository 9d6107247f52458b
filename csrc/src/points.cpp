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
constexpr Index kPanel = 16;    // points whose products are taken together
constexpr Index kQueries = 32;  // points whose neighbours are sought together
constexpr Index kMany = 64;     // candidates beyond 4 k + this are thinned out before they are settled
constexpr double kRound = 1.0 / (1 << 24);

// Points moved to their mean, scaled into -1..1 and rounded to float: in rows, and in panels (width, 16) of
// sixteen.
struct Cloud {
    Index n, width, padded;
    Buffer<float> rows, panels, norms;  // norms: squared, of whole panels; infinite where there is no point
    double largest = 0.0;               // norm
    double absolute, relative;          // how far off a distance of two rows may be

    Cloud(const double* points, Index count, Index wide)
        : n(count), width(wide), padded((wide + kPad - 1) / kPad * kPad) {
        const Index groups = (n + kPanel - 1) / kPanel;
        rows = Buffer<float>(n * padded, 0.0f);
        panels = Buffer<float>(groups * width * kPanel, 0.0f);
        norms = Buffer<float>(groups * kPanel, std::numeric_limits<float>::infinity());
        std::vector<double> mean(static_cast<std::size_t>(width), 0.0);
        for (Index i = 0; i < n * width; ++i) {
            mean[static_cast<std::size_t>(i % width)] += points[i] / static_cast<double>(n);
        }
        const auto moved = [&](Index i, Index d) {
            return points[i * width + d] - mean[static_cast<std::size_t>(d)];
        };
        double reach = 0.0;
        for (Index i = 0; i < n; ++i) {
            for (Index d = 0; d < width; ++d) reach = std::max(reach, std::abs(moved(i, d)));
        }
        for (Index i = 0; i < n; ++i) {
            double sum = 0.0;
            for (Index d = 0; d < width; ++d) {
                const auto value = static_cast<float>(reach > 0.0 ? moved(i, d) / reach : 0.0);
                rows[i * padded + d] = value;
                panels[(i / kPanel * width + d) * kPanel + i % kPanel] = value;
                sum += static_cast<double>(value) * static_cast<double>(value);
            }
            norms[i] = static_cast<float>(sum);
            largest = std::max(largest, sum);
        }
        absolute = 4.0 * kRound * std::sqrt(static_cast<double>(width));
        relative = kRound * static_cast<double>(padded / kPad + kPad + 4);
    }

    // How far off norm + norm - 2 product may be: a sum of `width` products, each rounded, and three more
    // steps.
    double slack(Index i) const {
        return kRound * (2.0 * static_cast<double>(width) + 8.0) * (static_cast<double>(norms[i]) + largest);
    }
};

double squared(const double* a, const double* b, Index width) {
    double sum[4] = {};
    Index d = 0;
    for (; d + 4 <= width; d += 4) {
        for (Index i = 0; i < 4; ++i) sum[i] += (a[d + i] - b[d + i]) * (a[d + i] - b[d + i]);
    }
    for (; d < width; ++d) sum[0] += (a[d] - b[d]) * (a[d] - b[d]);
    return (sum[0] + sum[1]) + (sum[2] + sum[3]);
}

// The points that may be among the k nearest of one, kept while the others pass by.
class Sieve {
  public:
    void start(Index k, double slack, double absolute) {
        best_.assign(static_cast<std::size_t>(k), std::numeric_limits<float>::infinity());
        found_.clear();
        room_ = 8 * best_.size() + 256;
        slack_ = slack;
        absolute_ = absolute;
        limit_ = std::numeric_limits<float>::infinity();
    }

    float limit() const { return limit_; }

    // `square` <= limit(): an estimate of the squared distance.
    void add(float square, Index i) {
        found_.emplace_back(square, i);
        if (!(square < best_.front())) return;
        std::pop_heap(best_.begin(), best_.end());
        best_.back() = square;
        std::push_heap(best_.begin(), best_.end());
        if (best_.front() == std::numeric_limits<float>::infinity()) return;
        // The k-th distance is at most this, so nothing beyond it is wanted; rounded up to float.
        const double kth =
            std::sqrt(std::max(0.0, static_cast<double>(best_.front()) + slack_)) + 2.0 * absolute_;
        limit_ = static_cast<float>((kth * kth + slack_) * (1.0 + 4.0 * kRound));
        if (found_.size() <= room_) return;
        thin();
        room_ = std::max(room_, 2 * found_.size());
    }

    void thin() {
        found_.erase(std::remove_if(found_.begin(), found_.end(),
                                    [this](const auto& one) { return one.first > limit_; }),
                     found_.end());
    }

    std::vector<std::pair<float, Index>>& found() { return found_; }

  private:
    std::vector<float> best_;  // a heap of the k smallest so far
    std::vector<std::pair<float, Index>> found_;
    std::size_t room_ = 0;
    double slack_ = 0.0, absolute_ = 0.0;
    float limit_ = 0.0f;
};

// Among many candidates, those that may be among the k nearest by distances in float, whose error is smaller
// than that of products where points lie close together.
void thin_out(const Cloud& cloud, Index k, Index self, std::vector<std::pair<float, Index>>& found) {
    for (auto& [square, i] : found) {
        rows().real.distances(cloud.rows.data() + i * cloud.padded, 1, cloud.padded,
                              cloud.rows.data() + self * cloud.padded, &square);
    }
    std::nth_element(found.begin(), found.begin() + (k - 1), found.end());
    const double kth = std::sqrt(static_cast<double>(found[static_cast<std::size_t>(k - 1)].first));
    const double most = (kth * (1.0 + cloud.relative) + 2.0 * cloud.absolute) * (1.0 + cloud.relative);
    const double limit = most * most;
    found.erase(std::remove_if(found.begin(), found.end(),
                               [limit](const auto& one) { return static_cast<double>(one.first) > limit; }),
                found.end());
}

// The k nearest of the candidates, in double.
void settle(const double* points, Index width, Index k, Index self,
            const std::vector<std::pair<float, Index>>& found, std::vector<std::pair<double, Index>>& exact,
            std::int64_t* index, double* distance) {
    exact.clear();
    for (const auto& [square, i] : found) {
        const double far = squared(points + self * width, points + i * width, width);
        exact.emplace_back(far, i);
    }
    std::partial_sort(exact.begin(), exact.begin() + k, exact.end());
    for (Index j = 0; j < k; ++j) {
        index[j] = exact[static_cast<std::size_t>(j)].second;
        distance[j] = std::sqrt(exact[static_cast<std::size_t>(j)].first);
    }
}

}  // namespace

void neighbours(const double* points, Index n, Index width, Index k, std::int64_t* index, double* distance) {
    if (k < 1 || k >= n) {
        throw std::invalid_argument("k must be in 1.." + std::to_string(n - 1) + ", got " +
                                    std::to_string(k));
    }
    const Cloud cloud(points, n, width);
    const Index groups = (n + kPanel - 1) / kPanel;
    const double work = 0.05 * static_cast<double>(n) * static_cast<double>(n) * static_cast<double>(width);
    parallel_for((n + kQueries - 1) / kQueries, work, [&](Index task) {
        const Index first = task * kQueries, some = std::min(n - first, kQueries);
        std::vector<Sieve> sieves(static_cast<std::size_t>(some));
        for (Index q = 0; q < some; ++q)
            sieves[static_cast<std::size_t>(q)].start(k, cloud.slack(first + q), cloud.absolute);
        alignas(64) float products[kQueries * kPanel];
        for (Index group = 0; group < groups; ++group) {
            rows().real.dots(cloud.panels.data() + group * width * kPanel, width,
                             cloud.rows.data() + first * cloud.padded, cloud.padded, some, products);
            const float* const norms = cloud.norms.data() + group * kPanel;
            for (Index q = 0; q < some; ++q) {
                Sieve& sieve = sieves[static_cast<std::size_t>(q)];
                const float own = cloud.norms[first + q], limit = sieve.limit();
                float square[kPanel];
                int near = 0;
                for (Index i = 0; i < kPanel; ++i) {
                    square[i] = norms[i] + own - 2.0f * products[q * kPanel + i];
                    near |= square[i] <= limit ? 1 : 0;
                }
                if (near == 0) continue;
                for (Index i = 0; i < kPanel && group * kPanel + i < n; ++i) {
                    if (square[i] <= sieve.limit() && group * kPanel + i != first + q)
                        sieve.add(square[i], group * kPanel + i);
                }
            }
        }
        std::vector<std::pair<double, Index>> exact;
        for (Index q = 0; q < some; ++q) {
            Sieve& sieve = sieves[static_cast<std::size_t>(q)];
            sieve.thin();
            auto& found = sieve.found();
            if (static_cast<Index>(found.size()) > 4 * k + kMany) thin_out(cloud, k, first + q, found);
            settle(points, width, k, first + q, found, exact, index + (first + q) * k,
                   distance + (first + q) * k);
        }
    });
}

void geodesics(const std::int64_t* index, const double* length, Index n, Index k, const std::int64_t* sources,
               Index count, double* out) {
    const auto inside = [n](std::int64_t i) { return i >= 0 && i < n; };
    if (!std::all_of(index, index + n * k, inside) || !std::all_of(sources, sources + count, inside)) {
        throw std::invalid_argument("neighbours and sources must be in 0.." + std::to_string(n - 1));
    }
    // Round a negative edge, paths would get shorter for ever.
    if (!std::all_of(length, length + n * k, [](double one) { return one >= 0.0; }))
        throw std::invalid_argument("distances to neighbours must be >= 0");
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
