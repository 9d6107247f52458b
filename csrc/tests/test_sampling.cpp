#include <algorithm>
#include <limits>
#include <stdexcept>

#include "drawn.hpp"
#include "harness.hpp"

using namespace spinefx;
using drawn::Draw;
using drawn::Volume;

namespace {

template <class T>
void compare(Method method, double tolerance) {
    Draw draw(static_cast<unsigned>(method) + 7U * sizeof(T));
    for (int round = 0; round < 150; ++round) {
        const Volume<T> in = draw.volume<T>(draw.shape(12), 0, method == Method::label_smooth ? 3 : 100);
        const Shape shape{draw.whole(1, 9), draw.whole(1, 9), round % 10 == 0 ? 300 : draw.whole(1, 40)};
        const Matrix matrix = draw.matrix(round % 3 != 0);
        Volume<T> out(shape, T{99});
        sample<T>(in.view(), out.view(), matrix, method, false, T{5}, nullptr);
        const Volume<T> wanted = drawn::plain(in, shape, matrix, method, T{5});
        double worst = 0.0;
        for (std::size_t i = 0; i < out.data.size(); ++i) {
            worst = std::max(
                worst, std::abs(static_cast<double>(out.data[i]) - static_cast<double>(wanted.data[i])));
        }
        EXPECT_NEAR(worst, 0.0, tolerance);
    }
}

}  // namespace

TEST(Sampling, a_point_is_inside_up_to_half_a_voxel_beyond_the_outer_centres) {
    EXPECT_TRUE(is_inside(-0.5, 3));
    EXPECT_TRUE(is_inside(-0.5 - 1e-7, 3));  // rounding below the border is on it
    EXPECT_TRUE(!is_inside(-0.5 - 1e-5, 3));
    EXPECT_TRUE(is_inside(2.4999, 3));
    EXPECT_TRUE(!is_inside(2.5, 3));
    EXPECT_TRUE(!is_inside(2.5 - 1e-7, 3));
    EXPECT_TRUE(!is_inside(std::numeric_limits<double>::quiet_NaN(), 3));
}

TEST(Sampling, nearest_rounds_half_up) {
    EXPECT_EQ(nearest_at(0.5, 4), 1);
    EXPECT_EQ(nearest_at(0.4999, 4), 0);
    EXPECT_EQ(nearest_at(-0.5, 4), 0);
    EXPECT_EQ(nearest_at(3.4, 4), 3);
}

TEST(Sampling, whole_numbers_are_rounded_half_up) {
    EXPECT_EQ(to_pixel<std::int16_t>(1.5f), 2);
    EXPECT_EQ(to_pixel<std::int16_t>(-1.5f), -1);
    EXPECT_EQ(to_pixel<std::int16_t>(-1.6f), -2);
    EXPECT_EQ(to_pixel<std::int16_t>(-32768.0f), -32768);
    EXPECT_EQ(to_pixel<std::uint16_t>(65535.0f), 65535);
    EXPECT_EQ(to_pixel<std::uint8_t>(254.5f), 255);
}

TEST(Sampling, a_vote_goes_to_the_most_weight_and_a_tie_to_who_holds_the_point_else_to_the_smallest) {
    const std::uint8_t label[8] = {7, 7, 2, 2, 3, 3, 2, 7};
    const std::int32_t more[8] = {1, 1, 1, 1, 1, 1, 2, 1};
    const std::int32_t tied[8] = {1, 1, 1, 1, 1, 1, 1, 1};
    EXPECT_EQ(vote_of(label, more, 0), 2);
    EXPECT_EQ(vote_of(label, more, 7), 2);
    EXPECT_EQ(vote_of(label, tied, 0), 7);
    EXPECT_EQ(vote_of(label, tied, 2), 2);
    EXPECT_EQ(vote_of(label, tied, 4), 2);  // 3 holds it, but has fewer
}

TEST(Sampling, linear_equals_the_plain_loop_on_drawn_grids) {
    compare<float>(Method::linear, 1e-3);
    compare<std::int16_t>(Method::linear, 1.0);
    compare<std::uint16_t>(Method::linear, 1.0);
    compare<std::uint8_t>(Method::linear, 1.0);
}

TEST(Sampling, nearest_equals_the_plain_loop_on_drawn_grids) {
    compare<float>(Method::nearest, 0.0);
    compare<std::int16_t>(Method::nearest, 0.0);
    compare<std::uint8_t>(Method::nearest, 0.0);
}

TEST(Sampling, label_votes_equal_the_plain_loop_on_drawn_grids) {
    compare<std::uint8_t>(Method::label_smooth, 0.0);
    compare<std::uint16_t>(Method::label_smooth, 0.0);
}

TEST(Sampling, displacements_that_lead_far_outside_give_fill_by_every_method) {
    Volume<float> in({3, 4, 5}, 1.0f), out({2, 3, 40});
    Matrix matrix{};
    for (int i = 0; i < 3; ++i) matrix.m[i][i] = 1.0;
    constexpr float kFar = 1e30f, kNone = std::numeric_limits<float>::quiet_NaN();
    for (const float by : {kFar, -kFar, kNone, 7.0f, -7.0f}) {
        const std::vector<float> vectors(3 * out.data.size(), by);
        const Displacement moved{vectors.data(), {0.0, 0.0, 1.0, 0.0, 1.0, 0.0, 1.0, 0.0, 0.0}};
        for (const Method method : {Method::linear, Method::cubic, Method::sinc, Method::nearest}) {
            sample<float>(in.view(), out.view(), matrix, method, false, -2.0f, &moved);
            const auto inside =
                std::count_if(out.data.begin(), out.data.end(), [](float v) { return v != -2.0f; });
            EXPECT_EQ(inside, 0);
        }
    }
}

TEST(Sampling, the_identity_copies) {
    Draw draw(3);
    const Volume<std::int16_t> in = draw.volume<std::int16_t>({5, 6, 70}, -300, 300);
    Matrix same{};
    for (int i = 0; i < 3; ++i) same.m[i][i] = 1.0;
    for (const Method method : {Method::linear, Method::nearest, Method::label_smooth, Method::label_thin}) {
        Volume<std::int16_t> out(in.shape);
        sample<std::int16_t>(in.view(), out.view(), same, method, false, 0, nullptr);
        EXPECT_TRUE(out.data == in.data);
    }
}

TEST(Sampling, empty_volumes_and_endless_matrices_are_refused) {
    Volume<float> in({1, 1, 1}), out({1, 1, 1});
    Matrix matrix{};
    EXPECT_THROW(
        sample<float>({in.data.data(), {0, 1, 1}}, out.view(), matrix, Method::linear, false, 0.0f, nullptr),
        std::invalid_argument);
    matrix.m[1][2] = std::numeric_limits<double>::infinity();
    EXPECT_THROW(sample<float>(in.view(), out.view(), matrix, Method::linear, false, 0.0f, nullptr),
                 std::invalid_argument);
}

TEST(Sampling, a_far_target_is_all_fill) {
    Volume<float> in({3, 3, 3}, 1.0f), out({4, 5, 6});
    Matrix matrix{};
    for (int i = 0; i < 3; ++i) matrix.m[i][i] = 1.0;
    for (const double shift : {1e6, 1e300, -1e300}) {
        matrix.m[2][3] = shift;
        matrix.m[0][1] = 0.0;
        sample<float>(in.view(), out.view(), matrix, Method::linear, false, -2.0f, nullptr);
        EXPECT_TRUE(out.data == std::vector<float>(120, -2.0f));
        matrix.m[0][1] = 0.5;
        sample<float>(in.view(), out.view(), matrix, Method::linear, false, -2.0f, nullptr);
        EXPECT_TRUE(out.data == std::vector<float>(120, -2.0f));
    }
}
