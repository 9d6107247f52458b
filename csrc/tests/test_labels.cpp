#include <set>

#include "drawn.hpp"
#include "harness.hpp"

using namespace spinefx;
using drawn::Draw;
using drawn::Volume;
using Labels = Volume<std::uint16_t>;

namespace {

Matrix halved(double shift = 0.5) {
    Matrix made{};
    for (auto& row : made.m) row[3] = shift;
    for (int i = 0; i < 3; ++i) made.m[i][i] = 2.0;
    return made;
}

Labels halve(const Labels& in, Method method, double shift = 0.5) {
    Labels out({(in.shape.z + 1) / 2, (in.shape.y + 1) / 2, (in.shape.x + 1) / 2});
    sample<std::uint16_t>(in.view(), out.view(), halved(shift), method, false, 0, nullptr);
    return out;
}

Index count(const Labels& labels, std::uint16_t value) {
    return std::count(labels.data.begin(), labels.data.end(), value);
}

// Pieces of a label, neighbours by a face, an edge or a corner.
int pieces(Labels labels, std::uint16_t value) {
    int found = 0;
    for (Index i = 0; i < labels.shape.voxels(); ++i) {
        if (labels.data[static_cast<std::size_t>(i)] != value) continue;
        ++found;
        std::vector<Index> open{i};
        labels.data[static_cast<std::size_t>(i)] = 0;
        while (!open.empty()) {
            const Index at = open.back(), x = at % labels.shape.x, y = at / labels.shape.x % labels.shape.y,
                        z = at / labels.shape.x / labels.shape.y;
            open.pop_back();
            for (Index c = std::max<Index>(z - 1, 0); c < std::min(z + 2, labels.shape.z); ++c) {
                for (Index b = std::max<Index>(y - 1, 0); b < std::min(y + 2, labels.shape.y); ++b) {
                    for (Index a = std::max<Index>(x - 1, 0); a < std::min(x + 2, labels.shape.x); ++a) {
                        if (labels.at(c, b, a) != value) continue;
                        labels.at(c, b, a) = 0;
                        open.push_back((c * labels.shape.y + b) * labels.shape.x + a);
                    }
                }
            }
        }
    }
    return found;
}

}  // namespace

TEST(Labels, a_sheet_of_one_voxel_stays_one_piece_when_halved) {
    for (Index plane = 2; plane < 6; ++plane) {
        Labels in({12, 40, 40});
        for (Index y = 0; y < 40; ++y) {
            for (Index x = 0; x < 40; ++x) in.at(plane, y, x) = 3;
        }
        const Labels thin = halve(in, Method::label_thin);
        EXPECT_EQ(pieces(thin, 3), 1);
        EXPECT_EQ(count(thin, 3), 20 * 20);
    }
}

TEST(Labels, a_slanted_sheet_stays_one_piece_without_a_hole) {
    Labels in({40, 40, 40});
    for (Index y = 0; y < 40; ++y) {
        for (Index x = 0; x < 40; ++x) in.at((y + x / 3) % 40 / 2 + 5, y, x) = 9;
    }
    const Labels thin = halve(in, Method::label_thin);
    for (Index y = 0; y < 20; ++y) {
        for (Index x = 0; x < 20; ++x) {
            Index column = 0;
            for (Index z = 0; z < 20; ++z) column += thin.view().at(z, y, x) == 9 ? 1 : 0;
            EXPECT_TRUE(column >= 1);
        }
    }
}

TEST(Labels, a_strand_of_one_voxel_stays_one_piece_when_halved) {
    for (int way = 0; way < 3; ++way) {
        Labels in({40, 40, 40});
        for (Index i = 0; i < 40; ++i) in.at(i, way > 0 ? i : 7, way > 1 ? i : 7) = 2;
        EXPECT_EQ(pieces(halve(in, Method::label_thin), 2), 1);
    }
}

TEST(Labels, thick_labels_are_left_to_the_vote) {
    Labels in({30, 30, 30});
    for (Index z = 6; z < 24; ++z) {
        for (Index y = 6; y < 24; ++y) {
            for (Index x = 6; x < 24; ++x) in.at(z, y, x) = 1;
        }
    }
    EXPECT_TRUE(halve(in, Method::label_thin).data == halve(in, Method::label_smooth).data);
    EXPECT_EQ(count(halve(in, Method::label_thin), 1), 9 * 9 * 9);
}

TEST(Labels, no_drawn_label_is_lost_by_thin) {
    Draw draw(8);
    for (int round = 0; round < 100; ++round) {
        Labels in({9, 10, 11});
        for (std::uint16_t label = 1; label <= 20; ++label) {
            in.at(draw.whole(0, 8), draw.whole(0, 9), draw.whole(0, 10)) = label;
        }
        std::set<std::uint16_t> before(in.data.begin(), in.data.end());
        const Labels thin = halve(in, Method::label_thin);
        std::set<std::uint16_t> after(thin.data.begin(), thin.data.end());
        before.insert(0);
        after.insert(0);
        EXPECT_TRUE(before == after);
    }
}

TEST(Labels, a_lost_label_is_named_and_one_out_of_view_is_not) {
    Labels in({8, 8, 8});
    in.at(2, 2, 2) = 4;
    in.at(7, 7, 7) = 6;
    Labels out({2, 2, 2});
    sample<std::uint16_t>(in.view(), out.view(), halved(0.4), Method::label_smooth, false, 0, nullptr);
    bool lost[65536] = {};
    find_lost<std::uint16_t>(in.view(), out.view(), halved(0.4), lost);
    EXPECT_TRUE(lost[4]);
    EXPECT_TRUE(!lost[6]);
}
