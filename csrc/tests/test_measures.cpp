#include <cmath>
#include <stdexcept>

#include "drawn.hpp"
#include "harness.hpp"
#include "spinefx/measures.hpp"
#include "spinefx/points.hpp"
#include "spinefx/threads.hpp"

using namespace spinefx;
using drawn::Draw;
using drawn::Volume;

TEST(Measures, a_box_has_the_sums_of_a_box) {
    Volume<std::uint16_t> labels({6, 7, 90});
    Volume<std::int16_t> image(labels.shape);
    for (Index z = 1; z < 4; ++z) {
        for (Index y = 2; y < 4; ++y) {
            for (Index x = 10; x < 85; ++x) {
                labels.at(z, y, x) = 300;
                image.at(z, y, x) = static_cast<std::int16_t>(x);
            }
        }
    }
    const auto rows = label_sums<std::uint16_t, std::int16_t>(labels.view(), image.view());
    EXPECT_EQ(rows.size(), std::size_t{1});
    EXPECT_EQ(rows[0].value, 300);
    EXPECT_EQ(rows[0].voxels, 3 * 2 * 75);
    EXPECT_EQ(rows[0].first[0], 2 * 450);
    EXPECT_EQ(rows[0].second[0], (1 + 4 + 9) * 150);
    EXPECT_EQ(rows[0].box[2], 10);
    EXPECT_EQ(rows[0].box[5], 85);
    EXPECT_EQ(rows[0].total, 6.0 * (10 + 84) * 75 / 2);
    EXPECT_EQ(rows[0].minimum, 10.0);
    EXPECT_EQ(rows[0].maximum, 84.0);
    EXPECT_NEAR(rows[0].variance, (75.0 * 75.0 - 1.0) / 12.0, 1e-9);
}

TEST(Measures, sums_are_the_same_for_one_thread_and_four) {
    Draw draw(2);
    const auto labels = draw.volume<std::uint8_t>({40, 50, 60}, 0, 5);
    Volume<float> image(labels.shape);
    for (float& v : image.data) v = static_cast<float>(draw.real(-1.0, 1e4));
    const int before = threads();
    set_threads(1);
    const auto one = label_sums<std::uint8_t, float>(labels.view(), image.view());
    set_threads(4);
    const auto four = label_sums<std::uint8_t, float>(labels.view(), image.view());
    set_threads(before);
    EXPECT_EQ(one.size(), four.size());
    for (std::size_t i = 0; i < one.size(); ++i) {
        EXPECT_EQ(one[i].total, four[i].total);
        EXPECT_EQ(one[i].variance, four[i].variance);
    }
}

TEST(Measures, soft_moments_of_one_voxel_are_its_place) {
    const Shape shape{5, 6, 37};
    Volume<float> map(shape);
    map.at(3, 4, 33) = 2.0f;
    double sums[10];
    soft_moments(map.data.data(), 1, shape, sums);
    const double wanted[10] = {2, 6, 8, 66, 18, 32, 2178, 24, 198, 264};
    for (int i = 0; i < 10; ++i) EXPECT_EQ(sums[i], wanted[i]);
}

TEST(Measures, a_ball_has_the_surface_of_a_ball_and_no_open_edge) {
    Volume<std::uint8_t> labels({44, 44, 44});
    for (Index z = 0; z < 44; ++z) {
        for (Index y = 0; y < 44; ++y) {
            for (Index x = 0; x < 44; ++x) {
                const double dz = static_cast<double>(z) - 21.3, dy = static_cast<double>(y) - 21.6,
                             dx = static_cast<double>(x) - 21.1;
                labels.at(z, y, x) = dz * dz + dy * dy + dx * dx < 400.0 ? 1 : 0;
            }
        }
    }
    const double affine[12] = {0, 0, 1, 0, 0, 1, 0, 0, 1, 0, 0, 0};
    const Mesh mesh = surface<std::uint8_t>(labels.view(), 1, affine, 8);
    double area = 0.0, volume = 0.0;
    for (std::size_t f = 0; f < mesh.faces.size(); f += 3) {
        const double* p[3];
        for (std::size_t i = 0; i < 3; ++i) p[i] = mesh.vertices.data() + 3 * mesh.faces[f + i];
        const double u[3] = {p[1][0] - p[0][0], p[1][1] - p[0][1], p[1][2] - p[0][2]};
        const double v[3] = {p[2][0] - p[0][0], p[2][1] - p[0][1], p[2][2] - p[0][2]};
        const double n[3] = {u[1] * v[2] - u[2] * v[1], u[2] * v[0] - u[0] * v[2], u[0] * v[1] - u[1] * v[0]};
        area += std::sqrt(n[0] * n[0] + n[1] * n[1] + n[2] * n[2]) / 2.0;
        volume += (n[0] * p[0][0] + n[1] * p[0][1] + n[2] * p[0][2]) / 6.0;
    }
    constexpr double kPi = 3.14159265358979;
    EXPECT_NEAR(area / (4.0 * kPi * 400.0), 1.0, 0.01);
    EXPECT_NEAR(volume / (4.0 / 3.0 * kPi * 8000.0), 1.0, 0.01);  // outward faces: positive
}

TEST(Measures, neighbours_on_a_line_are_the_next_ones) {
    std::vector<double> points;
    for (int i = 0; i < 50; ++i) points.push_back(static_cast<double>(i * i));
    std::vector<std::int64_t> index(50);
    std::vector<double> distance(50);
    neighbours(points.data(), 50, 1, 1, index.data(), distance.data());
    EXPECT_EQ(index[0], 1);
    for (std::size_t i = 1; i < 50; ++i) {
        EXPECT_EQ(index[i], static_cast<std::int64_t>(i) - 1);
        EXPECT_EQ(distance[i], static_cast<double>(2 * i - 1));
    }
    std::vector<double> far(50);
    const std::int64_t source = 0;
    geodesics(index.data(), distance.data(), 50, 1, &source, 1, far.data());
    EXPECT_EQ(far[49], 49.0 * 49.0);
    EXPECT_THROW(neighbours(points.data(), 50, 1, 50, index.data(), distance.data()), std::invalid_argument);
    const std::int64_t beyond = 50;
    EXPECT_THROW(geodesics(index.data(), distance.data(), 50, 1, &beyond, 1, far.data()),
                 std::invalid_argument);
}
