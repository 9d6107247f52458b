// How much surface lies in a cell of eight voxel centres: marching cubes, one facet list per kind of cell.
#include <algorithm>
#include <cmath>

#include "spinefx/distance.hpp"

namespace spinefx {
namespace {

// A set of inside corners, and its triangles: eight times the components of their area vectors along z, y, x
// on cubes of side 1. Every other set is one of these turned, mirrored or with inside and outside swapped.
struct Kind {
    unsigned corners;
    int facets[4][3];
};

constexpr Kind kKinds[] = {
    {0x01, {{1, 1, 1}}},
    {0x03, {{2, 2, 0}, {2, 2, 0}}},
    {0x06, {{1, 1, 1}, {1, 1, 1}}},
    {0x07, {{4, 0, 0}, {1, 1, 1}, {2, 2, 2}}},
    {0x0f, {{4, 0, 0}, {4, 0, 0}}},
    {0x16, {{1, 1, 1}, {1, 1, 1}, {1, 1, 1}}},
    {0x17, {{1, 1, 1}, {2, 2, 2}, {2, 2, 2}, {1, 1, 1}}},
    {0x18, {{1, 1, 1}, {1, 1, 1}}},
    {0x19, {{0, 2, 2}, {0, 2, 2}, {1, 1, 1}}},
    {0x1b, {{3, 3, 3}, {0, 2, 2}, {1, 1, 1}, {2, 0, 2}}},
    {0x1e, {{4, 0, 0}, {2, 2, 2}, {1, 1, 1}, {1, 1, 1}}},
    {0x3c, {{2, 2, 0}, {2, 2, 0}, {2, 2, 0}, {2, 2, 0}}},
    {0x69, {{1, 1, 1}, {1, 1, 1}, {1, 1, 1}, {1, 1, 1}}},
};

// The set with axis a taken from axis order[a] and mirrored where bit a of `flips` is set.
unsigned turned(unsigned corners, const int order[3], unsigned flips) {
    unsigned made = 0;
    for (unsigned corner = 0; corner < 8; ++corner) {
        if ((corners >> corner & 1U) == 0) continue;
        unsigned to = 0;
        for (int a = 0; a < 3; ++a) {
            const unsigned bit = (corner >> (2 - order[a]) & 1U) ^ (flips >> a & 1U);
            to |= bit << (2 - a);
        }
        made |= 1U << to;
    }
    return made;
}

}  // namespace

void cell_areas(const double spacing[3], double out[256]) {
    const double face[3] = {spacing[1] * spacing[2], spacing[0] * spacing[2], spacing[0] * spacing[1]};
    std::fill_n(out, 256, 0.0);
    for (const Kind& kind : kKinds) {
        int order[3] = {0, 1, 2};
        do {
            double area = 0.0;
            for (const auto& facet : kind.facets) {
                double squares = 0.0;
                for (int a = 0; a < 3; ++a) {
                    const double part = static_cast<double>(facet[order[a]]) / 8.0 * face[a];
                    squares += part * part;
                }
                area += std::sqrt(squares);
            }
            for (unsigned flips = 0; flips < 8; ++flips) {
                const unsigned corners = turned(kind.corners, order, flips);
                out[corners] = out[255 - corners] = area;
            }
        } while (std::next_permutation(order, order + 3));
    }
}

}  // namespace spinefx
