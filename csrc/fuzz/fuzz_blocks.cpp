// libFuzzer: what CUDA launches, run in plain loops over volumes and maps of any small shape, in buffers of
// exactly their size; the answers must be those of the CPU kernels, in either order of threads and blocks.
#include <cmath>
#include <cstdint>
#include <stdexcept>
#include <vector>

#include "bytes.hpp"
#include "spinefx/measuring_blocks.hpp"
#include "spinefx/sampling_blocks.hpp"

namespace {

using namespace spinefx;
using fuzz::Bytes;
using fuzz::check;

bool same(float a, float b) {
    return a == b || (std::isnan(a) && std::isnan(b));
}

template <class T>
void sampled(Bytes& bytes, Order order) {
    const Shape from = bytes.shape(3, 20), to = bytes.shape(3, 70);
    const Index count = bytes.size(2);
    const bool near = bytes.byte() % 2 == 1, displaced = bytes.byte() % 3 == 0;
    Matrix matrix{};
    for (auto& row : matrix.m) {
        for (double& entry : row) entry = bytes.real();
    }
    std::vector<T> in(static_cast<std::size_t>(count * from.voxels())),
        out(static_cast<std::size_t>(count * to.voxels())), wanted(out.size());
    for (T& voxel : in) voxel = bytes.value<T>();
    std::vector<float> vectors(static_cast<std::size_t>(displaced ? 3 * to.voxels() : 0));
    for (float& one : vectors) one = bytes.value<float>();
    Displacement moved{vectors.data(), {}};
    for (double& entry : moved.field) entry = displaced ? bytes.real() : 0.0;
    const Displacement* const field = displaced ? &moved : nullptr;
    try {
        sample_blocks<T>({in.data(), from}, {out.data(), to}, count, matrix, near, T{}, field,
                         [order](const auto& body) { run_blocks(body, order); });
    } catch (const std::invalid_argument&) {
        return;  // a refusal is an answer
    }
    for (Index i = 0; i < count; ++i) {
        sample<T>({in.data() + i * from.voxels(), from}, {wanted.data() + i * to.voxels(), to}, matrix,
                  near ? Method::nearest : Method::linear, false, T{}, field);
    }
    int axes[3];
    if (!near && (displaced || !find_axes(matrix, axes))) {
        // The CPU locates by floats there: whole pixels may be off by what lies within some 1e-6 voxels.
        for (std::size_t i = 0; i < out.size() && std::is_integral_v<T>; ++i)
            check(std::abs(static_cast<double>(out[i]) - static_cast<double>(wanted[i])) <= 4.0);
        return;
    }
    for (std::size_t i = 0; i < out.size(); ++i)
        check(same(static_cast<float>(out[i]), static_cast<float>(wanted[i])));
}

template <class L>
void counted(Bytes& bytes, Order order) {
    const Shape shape = bytes.shape(4, 90);
    std::vector<L> labels(static_cast<std::size_t>(shape.voxels()));
    const std::uint8_t kinds = bytes.byte();
    for (L& voxel : labels) voxel = static_cast<L>(kinds < 128 ? bytes.byte() % 3 : bytes.byte() * 257);
    std::vector<std::int64_t> table((std::size_t{1} << 8 * sizeof(L)) * LabelSumsBody<L>::kSums, 0);
    run_blocks(LabelSumsBody<L>{labels.data(), shape, table.data()}, order);
    const auto rows = rows_of<L>(table.data(), shape);
    const auto wanted = label_sums<L, float>({labels.data(), shape}, View<const float>{nullptr, {}});
    check(rows.size() == wanted.size());
    for (std::size_t i = 0; i < rows.size(); ++i) {
        check(rows[i].value == wanted[i].value && rows[i].voxels == wanted[i].voxels);
        for (int k = 0; k < 6; ++k)
            check(rows[i].second[k] == wanted[i].second[k] && rows[i].box[k] == wanted[i].box[k]);
        for (int k = 0; k < 3; ++k) check(rows[i].first[k] == wanted[i].first[k]);
    }
}

void measured(Bytes& bytes, Order order) {
    const Shape shape = bytes.shape(3, 140);
    const Index count = bytes.size(3);
    std::vector<float> maps(static_cast<std::size_t>(count * shape.voxels()));
    for (float& one : maps) one = static_cast<float>(bytes.byte()) / 16.0f;
    std::vector<double> sums(static_cast<std::size_t>(10 * count), -1.0), wanted(sums);
    run_blocks(SoftMomentsBody::make(maps.data(), count, shape, sums.data()), order);
    soft_moments(maps.data(), count, shape, wanted.data());
    check(sums == wanted);
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
    Bytes bytes(data, size);
    const Order order = bytes.byte() % 2 == 0 ? Order::up : Order::down;
    const int what = bytes.byte() % 32;
    if (what == 0 && bytes.byte() % 16 == 0) {
        counted<std::uint16_t>(bytes, order);  // its table alone takes longer than all else
    } else if (what < 6) {
        counted<std::uint8_t>(bytes, order);
    } else if (what < 12) {
        measured(bytes, order);
    } else if (what < 17) {
        sampled<float>(bytes, order);
    } else if (what < 22) {
        sampled<std::int16_t>(bytes, order);
    } else if (what < 27) {
        sampled<std::uint16_t>(bytes, order);
    } else {
        sampled<std::uint8_t>(bytes, order);
    }
    return 0;
}
