// The bodies that CUDA launches, run in plain loops: the CPU kernels' numbers, in whatever order blocks and
// threads are taken.
#include <cmath>
#include <cstring>
#include <limits>

#include "drawn.hpp"
#include "harness.hpp"
#include "spinefx/measures.hpp"
#include "spinefx/measuring_blocks.hpp"
#include "spinefx/sampling_blocks.hpp"

using namespace spinefx;
using drawn::Draw;

namespace {

// How far apart two pixels are; equal ones and two that are no numbers are not.
template <class T>
double apart(T a, T b) {
    const auto p = static_cast<double>(as_float(a)), q = static_cast<double>(as_float(b));
    if (p == q || (p != p && q != q)) return 0.0;
    const double off = std::abs(p - q);
    return off == off ? off : std::numeric_limits<double>::infinity();
}

template <class T>
T pixel(Draw& draw) {
    if constexpr (std::is_same_v<T, float>) {
        return static_cast<float>(draw.real(-300.0, 300.0));
    } else if constexpr (std::is_same_v<T, Half>) {
        return to_half(static_cast<float>(draw.real(-300.0, 300.0)));
    } else {
        return static_cast<T>(draw.whole(std::numeric_limits<T>::min(), std::numeric_limits<T>::max()));
    }
}

enum class Path { aligned, affine, displaced };

// The farthest that bodies and CPU are apart over drawn grids and batches; `strange` plants endless voxels
// and such that are no numbers.
template <class T>
double farthest(Path path, bool nearest, bool strange = false) {
    Draw draw(static_cast<unsigned>(path) * 2U + (nearest ? 1U : 0U));
    double worst = 0.0;
    for (int round = 0; round < 60; ++round) {
        const Shape from = draw.shape(12);
        const Shape to{draw.whole(1, 20), draw.whole(1, 9), round % 10 == 0 ? 150 : draw.whole(1, 70)};
        const Index count = draw.whole(1, 3);
        std::vector<T> in(static_cast<std::size_t>(count * from.voxels()));
        for (T& voxel : in) voxel = pixel<T>(draw);
        if constexpr (std::is_same_v<T, float>) {
            for (std::size_t i = 0; strange && i < in.size(); i += 7)
                in[i] = i % 2 == 0 ? std::numeric_limits<float>::infinity() : std::nanf("");
        }
        const Matrix matrix = draw.matrix(path == Path::aligned);
        std::vector<float> vectors(static_cast<std::size_t>(3 * to.voxels()));
        for (float& one : vectors) one = static_cast<float>(draw.real(-4.0, 4.0));
        vectors[0] = round % 2 == 0 ? 1e30f : std::nanf("");
        const Displacement field{vectors.data(), {0.1, 0.2, 0.9, 0.0, 1.1, 0.1, 0.8, -0.1, 0.0}};
        const Displacement* const moved = path == Path::displaced ? &field : nullptr;
        const auto n = static_cast<std::size_t>(to.voxels());
        std::vector<T> wanted(static_cast<std::size_t>(count) * n), made(wanted.size()), again(wanted.size());
        const T fill = pixel<T>(draw);
        for (Index i = 0; i < count; ++i) {
            sample<T>({in.data() + i * from.voxels(), from}, {wanted.data() + i * to.voxels(), to}, matrix,
                      nearest ? Method::nearest : Method::linear, false, fill, moved);
        }
        const auto with = [&](std::vector<T>& out, Order order) {
            sample_blocks<T>({in.data(), from}, {out.data(), to}, count, matrix, nearest, fill, moved,
                             [order](const auto& body) { run_blocks(body, order); });
        };
        with(made, Order::up);
        with(again, Order::down);
        EXPECT_EQ(std::memcmp(made.data(), again.data(), made.size() * sizeof(T)), 0);
        for (std::size_t i = 0; i < made.size(); ++i) worst = std::max(worst, apart(made[i], wanted[i]));
    }
    return worst;
}

}  // namespace

TEST(Blocks, sampling_has_the_bits_of_the_cpu) {
    EXPECT_EQ(farthest<float>(Path::aligned, false), 0.0);
    EXPECT_EQ(farthest<float>(Path::aligned, false, true), 0.0);
    EXPECT_EQ(farthest<Half>(Path::aligned, false), 0.0);
    EXPECT_EQ(farthest<std::int16_t>(Path::aligned, false), 0.0);
    EXPECT_EQ(farthest<std::uint16_t>(Path::aligned, false), 0.0);
    EXPECT_EQ(farthest<std::uint8_t>(Path::aligned, false), 0.0);
    for (const Path path : {Path::aligned, Path::affine, Path::displaced}) {
        EXPECT_EQ(farthest<float>(path, true), 0.0);
        EXPECT_EQ(farthest<Half>(path, true), 0.0);
        EXPECT_EQ(farthest<std::int16_t>(path, true), 0.0);
        EXPECT_EQ(farthest<std::uint16_t>(path, true), 0.0);
        EXPECT_EQ(farthest<std::uint8_t>(path, true), 0.0);
    }
}

// The CPU locates by floats there, to some 1e-6 voxels; bodies do so by doubles.
TEST(Blocks, linear_sampling_off_the_axes_is_that_of_the_cpu_but_for_where_floats_lie) {
    for (const Path path : {Path::affine, Path::displaced}) {
        EXPECT_NEAR(farthest<float>(path, false), 0.0, 600.0 * 1e-5);  // the pixels' range
        EXPECT_NEAR(farthest<Half>(path, false), 0.0, 0.25);           // a step of the format at 300
        EXPECT_NEAR(farthest<std::int16_t>(path, false), 0.0, 1.0);
        EXPECT_NEAR(farthest<std::uint16_t>(path, false), 0.0, 1.0);
        EXPECT_NEAR(farthest<std::uint8_t>(path, false), 0.0, 1.0);
    }
}

namespace {

template <class L>
void expect_same_sums(const std::vector<L>& labels, Shape shape) {
    const View<const L> view{labels.data(), shape};
    const auto wanted = label_sums<L, float>(view, View<const float>{nullptr, {}});
    for (const Order order : {Order::up, Order::down}) {
        std::vector<std::int64_t> table((std::size_t{1} << 8 * sizeof(L)) * LabelSumsBody<L>::kSums, 0);
        run_blocks(LabelSumsBody<L>{labels.data(), shape, table.data()}, order);
        const auto rows = rows_of<L>(table.data(), shape);
        EXPECT_EQ(rows.size(), wanted.size());
        for (std::size_t i = 0; i < std::min(rows.size(), wanted.size()); ++i) {
            const LabelSums &a = rows[i], &b = wanted[i];
            EXPECT_EQ(a.value, b.value);
            EXPECT_EQ(a.voxels, b.voxels);
            EXPECT_EQ(std::memcmp(a.first, b.first, sizeof(a.first)), 0);
            EXPECT_EQ(std::memcmp(a.second, b.second, sizeof(a.second)), 0);
            EXPECT_EQ(std::memcmp(a.box, b.box, sizeof(a.box)), 0);
        }
    }
}

template <class L>
void compare_sums(Index most) {
    Draw draw(11);
    for (int round = 0; round < 40; ++round) {
        const Shape shape{draw.whole(0, 9), draw.whole(1, 30), draw.whole(1, 90)};
        const bool runs = round % 2 == 0;
        std::vector<L> labels(static_cast<std::size_t>(shape.voxels()));
        L last{};
        for (L& voxel : labels)
            voxel = last = runs && draw.whole(0, 9) > 0 ? last : static_cast<L>(draw.whole(0, most));
        expect_same_sums(labels, shape);
    }
}

}  // namespace

TEST(Blocks, label_sums_are_those_of_the_cpu) {
    compare_sums<std::uint8_t>(3);
    compare_sums<std::uint8_t>(255);
    compare_sums<std::uint16_t>(300);
    compare_sums<std::uint16_t>(65535);
}

TEST(Blocks, label_sums_go_round_where_there_are_more_runs_than_threads) {
    const Shape shape{130, 65, 90};  // 25,350 runs of 32 voxels at most; the last block is not full
    Draw draw(5);
    std::vector<std::uint8_t> labels(static_cast<std::size_t>(shape.voxels()));
    for (std::size_t i = 0; i < labels.size(); ++i) labels[i] = static_cast<std::uint8_t>(i / 1000 % 5);
    expect_same_sums(labels, shape);
    const LabelSumsBody<std::uint8_t> large{nullptr, {700, 700, 3200}, nullptr};
    EXPECT_EQ(large.blocks(), LabelSumsBody<std::uint8_t>::kMost);
}

TEST(Blocks, soft_moments_have_the_bits_of_the_cpu) {
    Draw draw(17);
    for (int round = 0; round < 60; ++round) {
        Shape shape = draw.shape(round % 3 == 0 ? 40 : 9);
        if (round % 10 == 1) shape = {draw.whole(100, 300), 3, 5};  // more planes than a block takes at once
        if (round % 10 == 2) shape = {2, 3, draw.whole(30, 200)};
        if (round == 0) shape = {3, 0, 5};
        if (round == 3) shape = {0, 4, 5};
        const Index count = draw.whole(0, 40);
        std::vector<float> maps(static_cast<std::size_t>(count * shape.voxels()));
        for (float& v : maps) v = static_cast<float>(draw.real(-1.0, 3.0));
        std::vector<double> wanted(static_cast<std::size_t>(10 * count), -1.0), made(wanted), again(wanted);
        soft_moments(maps.data(), count, shape, wanted.data());
        run_blocks(SoftMomentsBody::make(maps.data(), count, shape, made.data()));
        run_blocks(SoftMomentsBody::make(maps.data(), count, shape, again.data()), Order::down);
        EXPECT_TRUE(made == wanted);
        EXPECT_TRUE(again == wanted);
    }
}
