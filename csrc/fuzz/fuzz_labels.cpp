// libFuzzer: label maps of any small shape, with numbers from outside, through everything that measures and
// mends them; in buffers of exactly their size, so that AddressSanitizer sees any read or write beside them.
#include <cmath>
#include <cstdint>
#include <stdexcept>
#include <vector>

#include "bytes.hpp"
#include "spinefx/distance.hpp"
#include "spinefx/measures.hpp"
#include "spinefx/rays.hpp"
#include "spinefx/refine.hpp"

namespace {

using namespace spinefx;
using fuzz::Bytes;
using fuzz::check;

template <class L>
struct Case {
    Bytes& bytes;
    Shape shape;
    std::vector<L> labels;
    double spacing[3];

    explicit Case(Bytes& from) : bytes(from), shape{from.size(9), from.size(9), from.size(20)} {
        const bool few = bytes.byte() % 4 != 0;
        for (double& mm : spacing) mm = bytes.positive();
        labels.resize(static_cast<std::size_t>(shape.voxels()));
        for (L& voxel : labels) voxel = static_cast<L>(few ? bytes.byte() % 3 : bytes.byte() * 257);
    }

    View<const L> view() const { return {labels.data(), shape}; }

    void sums() {
        std::vector<float> image(labels.size());
        for (float& voxel : image) voxel = static_cast<float>(bytes.real());
        const auto rows = label_sums<L, float>(view(), {image.data(), shape}, {0.0, bytes.real(), 100.0});
        std::int64_t voxels = 0;
        for (const LabelSums& row : rows) voxels += row.voxels;
        check(voxels <= shape.voxels());
    }

    void distances() {
        std::vector<float> out(labels.size());
        distance_transform(view(), spacing, bytes.byte() % 2 == 1, out.data());
        for (const float far : out) check(far >= 0.0f);
    }

    void surfaces() {
        std::vector<L> other(labels.size());
        for (L& voxel : other) voxel = static_cast<L>(bytes.byte() % 3);
        for (const auto& row :
             surface_distances<L>(view(), {other.data(), shape}, spacing, bytes.real(), {bytes.real()}))
            check(row.mean <= row.largest && row.percentile <= row.largest && row.within[0] <= 1.0);
        double area = 0.0, apart = 0.0;
        for (const auto& row : surface_areas<L>(view(), spacing)) area += row.area;
        for (const auto& row : surface_distances<L>(view(), view(), spacing, 95.0, {})) apart += row.first;
        check(!(std::abs(area - apart) > 1e-9 * apart));
        const double affine[12] = {0, 0, spacing[2], 0, 0, spacing[1], 0, 0, spacing[0], 0, 0, 0};
        const Mesh mesh = surface<L>(view(), L{1}, affine, bytes.byte() % 4);
        for (const auto vertex : mesh.faces)
            check(vertex >= 0 && 3 * vertex < static_cast<Index>(mesh.vertices.size()));
    }

    void refined() {
        std::vector<L> made = labels, smooth(labels.size());
        fill_holes<L>({made.data(), shape}, bytes.byte());
        keep_largest<L>({made.data(), shape}, bytes.byte() % 2 == 0 ? 26 : bytes.byte());
        const double sigma[3] = {bytes.positive() / 2, bytes.positive() / 2,
                                 bytes.byte() < 9 ? bytes.real() : 0.5};
        if (!(sigma[2] < 20.0)) return;
        smooth_labels<L>({made.data(), shape}, {smooth.data(), shape}, sigma, bytes.real());
        const View<const float> none{nullptr, {}};
        const auto before = label_sums<L, float>(view(), none);
        check(label_sums<L, float>({made.data(), shape}, none).size() == before.size());
        check(label_sums<L, float>({smooth.data(), shape}, none).size() == before.size());
    }

    void rays() {
        RayField field{};
        field.value = bytes.byte() % 4;
        for (auto* vector : {field.start, field.row, field.column, field.step}) {
            for (int a = 0; a < 3; ++a) vector[a] = bytes.real();
        }
        field.rows = bytes.size(5), field.columns = bytes.size(5), field.count = bytes.size(60);
        std::vector<double> hits[5];
        for (auto& one : hits) one.resize(static_cast<std::size_t>(field.rows * field.columns));
        const RayHits to{hits[0].data(), hits[1].data(), hits[2].data(), hits[3].data(), hits[4].data()};
        cast_rays<L>(view(), &field, 1, &to);
        for (std::size_t i = 0; i < hits[0].size(); ++i)
            check(std::isnan(hits[0][i]) || (hits[0][i] <= hits[1][i] && hits[1][i] <= hits[2][i]));
    }
};

template <class L>
void run(Bytes& bytes) {
    const std::uint8_t what = bytes.byte();
    Case<L> one(bytes);
    try {
        switch (what % 5) {
            case 0:
                return one.sums();
            case 1:
                return one.distances();
            case 2:
                return one.surfaces();
            case 3:
                return one.refined();
            default:
                return one.rays();
        }
    } catch (const std::invalid_argument&) {
        return;  // a refusal is an answer
    }
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
    Bytes bytes(data, size);
    if (bytes.byte() % 2 == 0) {
        run<std::uint8_t>(bytes);
    } else {
        run<std::uint16_t>(bytes);
    }
    return 0;
}
