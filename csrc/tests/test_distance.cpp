#include <cmath>
#include <limits>

#include "drawn.hpp"
#include "harness.hpp"
#include "spinefx/distance.hpp"
#include "spinefx/rows.hpp"
#include "spinefx/threads.hpp"

using namespace spinefx;
using drawn::Draw;
using drawn::Volume;

namespace {

// The nearest voxel of another label, found by looking at all of them.
std::vector<float> plain(const Volume<std::uint8_t>& labels, const double spacing[3], bool with_background) {
    const Shape s = labels.shape;
    std::vector<float> made;
    for (Index a = 0; a < s.voxels(); ++a) {
        const auto here = labels.data[static_cast<std::size_t>(a)];
        double best = here == 0 && !with_background ? 0.0 : std::numeric_limits<double>::infinity();
        for (Index b = 0; b < s.voxels(); ++b) {
            if (labels.data[static_cast<std::size_t>(b)] == here) continue;
            const double z = spacing[0] * static_cast<double>(a / (s.y * s.x) - b / (s.y * s.x));
            const double y = spacing[1] * static_cast<double>(a / s.x % s.y - b / s.x % s.y);
            const double x = spacing[2] * static_cast<double>(a % s.x - b % s.x);
            best = std::min(best, std::sqrt(z * z + y * y + x * x));
        }
        made.push_back(static_cast<float>(best));
    }
    return made;
}

}  // namespace

TEST(Distance, areas_of_all_labels_are_those_of_surface_distances_for_any_number_of_threads) {
    Draw draw(11);
    const auto labels = draw.volume<std::uint16_t>({33, 40, 70}, 0, 4);
    const double spacing[3] = {3.3, 0.6, 0.5};
    const int before = threads();
    set_threads(1);
    const auto one = surface_areas<std::uint16_t>(labels.view(), spacing);
    set_threads(4);
    const auto four = surface_areas<std::uint16_t>(labels.view(), spacing);
    set_threads(before);
    const auto apart = surface_distances<std::uint16_t>(labels.view(), labels.view(), spacing, 95.0, {});
    EXPECT_EQ(one.size(), apart.size());
    for (std::size_t i = 0; i < one.size(); ++i) {
        EXPECT_EQ(one[i].value, apart[i].value);
        EXPECT_NEAR(one[i].area, apart[i].first, 1e-9 * apart[i].first);
        EXPECT_EQ(one[i].area, four[i].area);
    }
    EXPECT_EQ(surface_areas<std::uint8_t>(Volume<std::uint8_t>({3, 4, 5}).view(), spacing).size(),
              std::size_t{0});
}

TEST(Distance, distances_are_those_of_a_search_through_all_voxels) {
    Draw draw(5);
    for (int round = 0; round < 60; ++round) {
        auto labels =
            draw.volume<std::uint8_t>({draw.whole(1, 6), draw.whole(1, 12), draw.whole(1, 40)}, 0, 40);
        for (auto& v : labels.data) v = v > 4 ? 1 : v;
        const double spacing[3] = {draw.real(0.3, 5.0), draw.real(0.3, 5.0), draw.real(0.3, 5.0)};
        const bool background = draw.whole(0, 1) == 1;
        std::vector<float> found(labels.data.size());
        distance_transform<std::uint8_t>(labels.view(), spacing, background, found.data());
        const auto wanted = plain(labels, spacing, background);
        for (std::size_t i = 0; i < found.size(); ++i) {
            if (std::isinf(wanted[i])) {
                EXPECT_EQ(found[i], wanted[i]);
            } else {
                EXPECT_NEAR(found[i], wanted[i], 1e-6 * static_cast<double>(wanted[i]));
            }
        }
    }
}

TEST(Distance, every_instruction_set_has_the_same_envelopes) {
    Draw draw(6);
    const Index count = 70;
    std::vector<float> height(static_cast<std::size_t>(16 * count)), one(height.size()), other(height.size());
    std::vector<float> before(height.size()), after(height.size());
    auto labels = draw.volume<std::uint16_t>({1, count, 16}, 0, 2);
    for (float& h : height) h = static_cast<float>(draw.whole(0, 3) == 0 ? 0.0 : draw.real(0.0, 900.0));
    const bool touch =
        all_rows()[0]->u16.boundaries(labels.data.data(), count, true, before.data(), after.data());
    EXPECT_TRUE(touch);
    const LineSites sites{height.data(), before.data(), after.data(), count, 0.7f};
    all_rows()[0]->real.envelope(sites, one.data());
    for (const RowTable* const* table = all_rows() + 1; *table != nullptr; ++table) {
        (*table)->real.envelope(sites, other.data());
        EXPECT_TRUE(one == other);
    }
}

TEST(Distance, one_thread_and_four_give_the_same_bits) {
    Draw draw(7);
    const auto labels = draw.volume<std::uint8_t>({30, 50, 70}, 0, 3);
    const double spacing[3] = {2.0, 0.7, 0.9};
    std::vector<float> one(labels.data.size()), four(labels.data.size());
    const int before = threads();
    set_threads(1);
    distance_transform<std::uint8_t>(labels.view(), spacing, true, one.data());
    set_threads(4);
    distance_transform<std::uint8_t>(labels.view(), spacing, true, four.data());
    set_threads(before);
    EXPECT_TRUE(one == four);
}

TEST(Distance, a_moved_box_is_as_far_as_it_was_moved) {
    Volume<std::uint16_t> first({20, 20, 20}), second({20, 20, 20});
    for (Index z = 5; z < 15; ++z) {
        for (Index y = 5; y < 15; ++y) {
            for (Index x = 5; x < 15; ++x) first.at(z, y, x) = second.at(z + 2, y, x) = 900;
        }
    }
    const double spacing[3] = {1.5, 1.0, 1.0};
    const auto rows =
        surface_distances<std::uint16_t>(first.view(), second.view(), spacing, 95.0, {2.9, 3.0});
    EXPECT_EQ(rows.size(), std::size_t{1});
    EXPECT_EQ(rows[0].largest, 3.0);
    EXPECT_EQ(rows[0].percentile, 3.0);
    EXPECT_EQ(rows[0].within[1], 1.0);
    EXPECT_TRUE(rows[0].within[0] < 1.0);
    EXPECT_THROW(surface_distances<std::uint16_t>(first.view(), Volume<std::uint16_t>({1, 1, 1}).view(),
                                                  spacing, 95.0, {}),
                 std::invalid_argument);
}

TEST(Distance, a_flat_cell_has_the_area_of_its_face) {
    const double spacing[3] = {3.0, 2.0, 0.5};
    double areas[256];
    cell_areas(spacing, areas);
    EXPECT_EQ(areas[0], 0.0);
    EXPECT_EQ(areas[255], 0.0);
    EXPECT_NEAR(areas[0x0f], 1.0, 1e-12);
    EXPECT_NEAR(areas[0x33], 1.5, 1e-12);
    EXPECT_NEAR(areas[0x55], 6.0, 1e-12);
    for (int i = 1; i < 255; ++i) EXPECT_TRUE(areas[i] > 0.0);
}
