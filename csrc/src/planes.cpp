#include <algorithm>
#include <cmath>
#include <stdexcept>
#include <vector>

#include "spinefx/rays.hpp"

namespace spinefx {
namespace {

struct Vec {
    double v[3];

    double operator[](int i) const { return v[i]; }
    double dot(const Vec& other) const { return v[0] * other.v[0] + v[1] * other.v[1] + v[2] * other.v[2]; }
    Vec cross(const Vec& o) const {
        return {
            {v[1] * o.v[2] - v[2] * o.v[1], v[2] * o.v[0] - v[0] * o.v[2], v[0] * o.v[1] - v[1] * o.v[0]}};
    }
    Vec scaled(double by) const { return {{v[0] * by, v[1] * by, v[2] * by}}; }
    Vec unit() const { return scaled(1.0 / std::sqrt(dot(*this))); }
};

// Eigenvectors of a symmetric matrix by Jacobi's rotations; values on the diagonal, vectors in the columns of
// `turn`.
void diagonalise(double m[3][3], double turn[3][3]) {
    for (int i = 0; i < 3; ++i) {
        for (int j = 0; j < 3; ++j) turn[i][j] = i == j ? 1.0 : 0.0;
    }
    for (int sweep = 0; sweep < 30; ++sweep) {
        if (m[0][1] == 0.0 && m[0][2] == 0.0 && m[1][2] == 0.0) return;
        for (int p = 0; p < 2; ++p) {
            for (int q = p + 1; q < 3; ++q) {
                if (m[p][q] == 0.0) continue;
                const double theta = (m[q][q] - m[p][p]) / (2.0 * m[p][q]);
                const double t = (theta >= 0.0 ? 1.0 : -1.0) / (std::abs(theta) + std::hypot(theta, 1.0));
                const double c = 1.0 / std::hypot(t, 1.0), s = t * c;
                for (int k = 0; k < 3; ++k) {
                    const double a = m[k][p], b = m[k][q];
                    m[k][p] = c * a - s * b;
                    m[k][q] = s * a + c * b;
                }
                for (int k = 0; k < 3; ++k) {
                    const double a = m[p][k], b = m[q][k];
                    m[p][k] = c * a - s * b;
                    m[q][k] = s * a + c * b;
                }
                m[p][q] = m[q][p] = 0.0;
                for (int k = 0; k < 3; ++k) {
                    const double a = turn[k][p], b = turn[k][q];
                    turn[k][p] = c * a - s * b;
                    turn[k][q] = s * a + c * b;
                }
            }
        }
    }
}

struct Cloud {
    const double* points;
    Index n;
    const bool* kept;

    Vec at(Index i) const { return {{points[3 * i], points[3 * i + 1], points[3 * i + 2]}}; }

    template <class Body>
    void for_kept(const Body& body) const {
        for (Index i = 0; i < n; ++i) {
            if (kept[i]) body(at(i));
        }
    }

    Vec centre() const {
        double sum[3] = {}, count = 0.0;
        for_kept([&](const Vec& p) {
            for (int a = 0; a < 3; ++a) sum[a] += p[a];
            count += 1.0;
        });
        return {{sum[0] / count, sum[1] / count, sum[2] / count}};
    }

    // Sums of products of the offsets from `middle`.
    void spread(const Vec& middle, double out[3][3]) const {
        std::fill_n(&out[0][0], 9, 0.0);
        for_kept([&](const Vec& p) {
            for (int i = 0; i < 3; ++i) {
                for (int j = 0; j < 3; ++j) out[i][j] += (p[i] - middle[i]) * (p[j] - middle[j]);
            }
        });
    }
};

[[noreturn]] void refuse() {
    throw std::invalid_argument("a plane needs 3 points that do not lie on one line");
}

// The normal that the least spread is along.
Vec least_spread(double spread[3][3]) {
    double turn[3][3];
    diagonalise(spread, turn);
    int order[3] = {0, 1, 2};
    std::sort(order, order + 3, [&](int a, int b) { return spread[a][a] < spread[b][b]; });
    if (!(spread[order[1]][order[1]] > 1e-18 * spread[order[2]][order[2]])) refuse();
    Vec normal{{turn[0][order[0]], turn[1][order[0]], turn[2][order[0]]}};
    int largest = 2;  // the head's direction first
    for (const int a : {1, 0}) {
        if (std::abs(normal[a]) > std::abs(normal[largest]) * (1.0 + 1e-9)) largest = a;
    }
    return normal[largest] < 0.0 ? normal.scaled(-1.0) : normal;
}

// The normal of the plane with the least offsets along a unit vector.
Vec least_offsets(const double spread[3][3], const Vec& along) {
    const int flat = std::abs(along[0]) < 0.6 ? 0 : 1;
    const Vec axis{{flat == 0 ? 1.0 : 0.0, flat == 1 ? 1.0 : 0.0, 0.0}};
    const Vec one = along.cross(axis).unit(), two = along.cross(one);
    const auto product = [&](const Vec& a, const Vec& b) {
        double sum = 0.0;
        for (int i = 0; i < 3; ++i) {
            for (int j = 0; j < 3; ++j) sum += a[i] * spread[i][j] * b[j];
        }
        return sum;
    };
    const double a = product(one, one), b = product(one, two), c = product(two, two);
    const double u = product(one, along), v = product(two, along), det = a * c - b * b;
    if (!(det > 1e-18 * (a + c) * (a + c))) refuse();
    const double slope_one = (c * u - b * v) / det, slope_two = (a * v - b * u) / det;
    Vec normal{};
    for (int i = 0; i < 3; ++i) normal.v[i] = along[i] - slope_one * one[i] - slope_two * two[i];
    return normal.unit();
}

}  // namespace

Plane fit_plane(const double* points, Index n, const double* along, double trim, int rounds, bool* kept) {
    if (n < 3) refuse();
    std::fill_n(kept, n, true);
    const Cloud cloud{points, n, kept};
    const Vec up = along == nullptr ? Vec{} : Vec{{along[0], along[1], along[2]}}.unit();
    std::vector<double> off(static_cast<std::size_t>(n)), sorted;
    std::vector<char> again(static_cast<std::size_t>(n));
    for (int round = 0;; ++round) {
        const Vec middle = cloud.centre();
        double spread[3][3];
        cloud.spread(middle, spread);
        const Vec normal = along == nullptr ? least_spread(spread) : least_offsets(spread, up);
        const double lean = along == nullptr ? 1.0 : normal.dot(up);
        double squares = 0.0, count = 0.0;
        sorted.clear();
        for (Index i = 0; i < n; ++i) {
            const Vec p = cloud.at(i);
            const Vec away{{p[0] - middle[0], p[1] - middle[1], p[2] - middle[2]}};
            const double far = std::abs(away.dot(normal) / lean);
            off[static_cast<std::size_t>(i)] = far;
            if (!kept[i]) continue;
            sorted.push_back(far);
            squares += far * far;
            count += 1.0;
        }
        Plane plane{};
        for (int a = 0; a < 3; ++a) {
            plane.point[a] = middle[a];
            plane.normal[a] = normal[a];
        }
        plane.residual = std::sqrt(squares / count);
        if (round >= rounds) return plane;
        const auto half = sorted.begin() + static_cast<std::ptrdiff_t>(sorted.size() / 2);
        std::nth_element(sorted.begin(), half, sorted.end());
        const double limit = trim * 1.4826 * *half + 1e-6;
        Index left = 0;
        bool same = true;
        for (Index i = 0; i < n; ++i) {
            const bool near = off[static_cast<std::size_t>(i)] <= limit;
            again[static_cast<std::size_t>(i)] = near ? 1 : 0;
            left += near ? 1 : 0;
            same = same && near == kept[i];
        }
        if (same || left < 8 || 2 * left < n) return plane;
        std::transform(again.begin(), again.end(), kept, [](char near) { return near != 0; });
    }
}

}  // namespace spinefx
