// Every instruction set that this machine has gives the bits of the baseline.
#include <cmath>

#include "drawn.hpp"
#include "harness.hpp"
#include "spinefx/rows.hpp"
#include "spinefx/taps.hpp"

using namespace spinefx;
using drawn::Draw;

namespace {

std::vector<float> numbers(Draw& draw, Index count) {
    std::vector<float> made(static_cast<std::size_t>(count));
    for (float& value : made) value = static_cast<float>(draw.real(-50.0, 50.0));
    return made;
}

// Calls check(table) for every table but the baseline, and counts them as tests of something.
template <class Check>
void for_tables(const Check& check) {
    EXPECT_EQ(std::string(all_rows()[0]->name), std::string("baseline"));
    for (const RowTable* const* table = all_rows() + 1; *table != nullptr; ++table) check(**table);
}

template <class T>
void compare_segments(const RowTable& table) {
    const RowTable& plain = *all_rows()[0];
    Draw draw(11);
    for (int round = 0; round < 60; ++round) {
        const auto in = draw.volume<T>(draw.shape(9), 0, 3);
        const Index count = draw.whole(1, kSegment);
        const auto dx = numbers(draw, count), dy = numbers(draw, count), dz = numbers(draw, count);
        Line line{};
        const Index strides[3] = {in.shape.y * in.shape.x, in.shape.x, 1};
        for (int axis = 0; axis < 3; ++axis) {
            line.start[axis] = draw.real(-2.0, 9.0);
            line.step[axis] = draw.real(-0.5, 0.5);
            line.size[axis] = in.shape[axis];
            line.lower[axis] = -0.5 - kSnap;
            line.upper[axis] = static_cast<double>(in.shape[axis]) - 0.5 - kSnap;
            line.stride[axis] = in.shape[axis] > 1 ? static_cast<std::int32_t>(strides[axis]) : 0;
            line.field[4 * axis] = 0.02;
        }
        if (round % 2 == 0) {
            line.displacement[0] = dx.data();
            line.displacement[1] = dy.data();
            line.displacement[2] = dz.data();
        }
        for (const Locate mode : {Locate::linear, Locate::nearest, Locate::vote}) {
            Points a, b;
            std::vector<T> one(static_cast<std::size_t>(count)), two(one);
            plain.real.locate(line, mode, count, a);
            table.real.locate(line, mode, count, b);
            EXPECT_TRUE(std::equal(a.offset, a.offset + count, b.offset));
            if (round % 2 == 0) EXPECT_TRUE(std::equal(a.inside, a.inside + count, b.inside));
            const auto sample_with = [&](const RowTable& rows, const Points& points, T* to) {
                const PixelRows<T>& pixels = rows.pixels<T>();
                if (mode == Locate::linear) pixels.linear(in.data.data(), line.stride, points, count, to);
                if (mode == Locate::nearest) pixels.pick(in.data.data(), points.offset, count, to);
                if (mode == Locate::vote) pixels.vote(in.data.data(), line.stride, points, count, to);
            };
            sample_with(plain, a, one.data());
            sample_with(table, b, two.data());
            EXPECT_TRUE(one == two);
        }
    }
}

}  // namespace

TEST(Rows, segments_are_the_same_on_every_instruction_set) {
    for_tables([](const RowTable& table) {
        compare_segments<float>(table);
        compare_segments<std::int16_t>(table);
        compare_segments<std::uint16_t>(table);
        compare_segments<std::uint8_t>(table);
    });
}

namespace {

template <class T>
void compare_blends(const RowTable& table) {
    Draw draw(5);
    for (const Index count : {1, 7, 16, 33, 700}) {
        auto a = numbers(draw, count), b = numbers(draw, count);
        // Within the range of every pixel type, and ties among them.
        for (float& value : a) value = std::floor(value + 50.0f) * 0.5f;
        for (float& value : b) value += 50.0f;
        for (const float weight : {0.0f, 0.3f, 0.5f}) {
            for (const bool stream : {false, true}) {
                std::vector<T> one(static_cast<std::size_t>(count) + 2), two(one);
                all_rows()[0]->pixels<T>().blend(a.data(), b.data(), weight, count, one.data() + 1, stream);
                table.pixels<T>().blend(a.data(), b.data(), weight, count, two.data() + 1, stream);
                EXPECT_TRUE(one == two);
            }
        }
    }
}

template <class T>
void compare_spreads(const RowTable& table) {
    Draw draw(8);
    for (const double scale : {0.2, 0.7, 1.0, 1.6, 1.9, 2.3, -0.8}) {
        for (const Index count : {1, 15, 16, 40, 101}) {
            const Index size = 2 + static_cast<Index>(std::abs(scale) * static_cast<double>(count));
            std::vector<T> row(static_cast<std::size_t>(size + kOverread + 1));
            for (T& pixel : row) pixel = static_cast<T>(draw.whole(0, 250));
            const double shift = scale < 0.0 ? static_cast<double>(size - 1) : -0.3;
            const AxisTaps taps = make_taps(scale, shift, count, size, false);
            const SpreadTaps one = make_spread(taps, all_rows()[0]->lanes),
                             two = make_spread(taps, table.lanes);
            const auto room = static_cast<std::size_t>(count + kOverread);
            std::vector<float> a(room), b(room);
            all_rows()[0]->pixels<T>().spread(row.data(), one.spread, a.data());
            table.pixels<T>().spread(row.data(), two.spread, b.data());
            EXPECT_TRUE(std::equal(a.begin(), a.begin() + one.spread.count, b.begin()));
            std::vector<T> c(room), d(room);
            all_rows()[0]->pixels<T>().choose(row.data(), one.spread, c.data());
            table.pixels<T>().choose(row.data(), two.spread, d.data());
            EXPECT_TRUE(std::equal(c.begin(), c.begin() + one.spread.count, d.begin()));
        }
    }
}

}  // namespace

TEST(Rows, blends_are_the_same_on_every_instruction_set) {
    for_tables([](const RowTable& table) {
        compare_blends<float>(table);
        compare_blends<std::int16_t>(table);
        compare_blends<std::uint16_t>(table);
        compare_blends<std::uint8_t>(table);
    });
}

TEST(Rows, samples_along_a_row_are_the_same_on_every_instruction_set) {
    for_tables([](const RowTable& table) {
        compare_spreads<float>(table);
        compare_spreads<std::int16_t>(table);
        compare_spreads<std::uint16_t>(table);
        compare_spreads<std::uint8_t>(table);
    });
}

TEST(Rows, moments_and_distances_are_the_same_on_every_instruction_set) {
    for_tables([](const RowTable& table) {
        Draw draw(6);
        for (const Index width : {1, 5, 8, 16, 17, 33, 40, 64, 100}) {
            const Shape shape{width < 8 ? 19 : 3, 4, width};
            const auto maps = numbers(draw, 3 * shape.voxels());
            double one[30], two[30];
            all_rows()[0]->real.moments(maps.data(), 3, shape, one);
            table.real.moments(maps.data(), 3, shape, two);
            EXPECT_TRUE(std::equal(one, one + 30, two));
            const auto points = numbers(draw, 9 * 48), to = numbers(draw, 48);
            float far[9], away[9];
            all_rows()[0]->real.distances(points.data(), 9, 48, to.data(), far);
            table.real.distances(points.data(), 9, 48, to.data(), away);
            EXPECT_TRUE(std::equal(far, far + 9, away));
        }
    });
}

namespace {

template <class T>
void find_changes(const PixelRows<T>& pixels) {
    for (Index at = 0; at < 200; ++at) {
        std::vector<T> row(200, 4), other(200, 4);
        other[static_cast<std::size_t>(at)] = 5;
        const T* const four[4] = {row.data(), row.data(), other.data(), row.data()};
        const T* const alone[4] = {other.data(), other.data(), other.data(), other.data()};
        for (const T* const* rows : {four, alone}) {
            for (const Index from : {Index{0}, at / 2, at}) EXPECT_EQ(pixels.change(rows, from, 200, 4), at);
            EXPECT_EQ(pixels.change(rows, at + 1, 200, 4), 200);
            EXPECT_EQ(pixels.change(rows, 0, at, 4), at);
        }
    }
}

}  // namespace

TEST(Rows, change_finds_the_first_voxel_that_differs_in_any_row) {
    for (const RowTable* const* table = all_rows(); *table != nullptr; ++table) {
        find_changes((*table)->u16);
        find_changes((*table)->i16);
        find_changes((*table)->u8);
    }
}

namespace {

template <class T>
void find_mixed(const PixelRows<T>& pixels) {
    Draw draw(8);
    for (int round = 0; round < 200; ++round) {
        const Index count = draw.whole(1, 150);
        auto labels = draw.volume<T>({1, 4, count}, 250, 251);  // mostly one label
        for (T& label : labels.data) label = static_cast<T>(draw.whole(0, 30) == 0 ? label : 250);
        const View<const T> in = labels.view();
        const T* const four[4] = {in.row(0, 0), in.row(0, 1), in.row(0, 2), in.row(0, 3)};
        std::vector<std::uint8_t> found(static_cast<std::size_t>(count) + 1, 7);
        pixels.mixed(four, count, found.data());
        for (Index i = 0; i < count; ++i) {
            bool unlike = false;
            for (Index row = 0; row < 4; ++row) {
                for (Index x = i; x < std::min(i + 2, count); ++x)
                    unlike = unlike || in.at(0, row, x) != in.at(0, 0, i);
            }
            EXPECT_EQ(found[static_cast<std::size_t>(i)] == 1, unlike);
            EXPECT_TRUE(found[static_cast<std::size_t>(i)] <= 1);
        }
        EXPECT_EQ(static_cast<int>(found.back()), 7);  // nothing is written beyond
    }
}

}  // namespace

TEST(Rows, mixed_cells_are_those_that_hold_several_labels) {
    for (const RowTable* const* table = all_rows(); *table != nullptr; ++table) {
        find_mixed((*table)->u16);
        find_mixed((*table)->i16);
        find_mixed((*table)->u8);
    }
}
