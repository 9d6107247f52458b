// A smoothed surface net: one vertex per cell of eight voxel centres that the border passes.
#include <algorithm>
#include <array>
#include <stdexcept>

#include "spinefx/measures.hpp"

namespace spinefx {
namespace {

// Corner c of a cell is voxel (z + bit 2, y + bit 1, x + bit 0).
struct Net {
    std::vector<Index> cells;   // (n, 3) z, y, x in the padded volume
    std::vector<double> place;  // (n, 3)
    std::vector<Index> quads;   // (m, 4) vertices, going round
    std::vector<Index> number;  // vertex of each cell of the box, -1 where the border does not pass
};

struct Box {
    Index low[3], size[3];  // of the label, one voxel of background around it

    Index cell(Index z, Index y, Index x) const { return (z * (size[1] - 1) + y) * (size[2] - 1) + x; }
};

template <class L>
Box box_of(View<const L> labels, L value) {
    Index low[3] = {labels.shape.z, labels.shape.y, labels.shape.x}, high[3] = {-1, -1, -1};
    for (Index z = 0; z < labels.shape.z; ++z) {
        for (Index y = 0; y < labels.shape.y; ++y) {
            const L* const row = labels.row(z, y);
            for (Index x = 0; x < labels.shape.x; ++x) {
                if (row[x] != value) continue;
                const Index at[3] = {z, y, x};
                for (int a = 0; a < 3; ++a) {
                    low[a] = std::min(low[a], at[a]);
                    high[a] = std::max(high[a], at[a]);
                }
            }
        }
    }
    Box box{};
    for (int a = 0; a < 3; ++a) {
        box.low[a] = low[a] - 1;
        box.size[a] = high[a] < 0 ? 0 : high[a] - low[a] + 3;
    }
    return box;
}

template <class L>
Buffer<bool> inside_of(View<const L> labels, L value, const Box& box) {
    Buffer<bool> inside(box.size[0] * box.size[1] * box.size[2], false);
    for (Index z = 1; z + 1 < box.size[0]; ++z) {
        for (Index y = 1; y + 1 < box.size[1]; ++y) {
            const L* const row = labels.row(z + box.low[0], y + box.low[1]) + box.low[2];
            bool* const to = inside.data() + (z * box.size[1] + y) * box.size[2];
            for (Index x = 1; x + 1 < box.size[2]; ++x) to[x] = row[x] == value;
        }
    }
    return inside;
}

// Vertices: the mean of the middles of the cell's edges that the border cuts.
void add_vertices(const Buffer<bool>& inside, const Box& box, Net& net) {
    net.number.assign(static_cast<std::size_t>((box.size[0] - 1) * (box.size[1] - 1) * (box.size[2] - 1)),
                      -1);
    const Index sy = box.size[2], sz = box.size[1] * sy;
    for (Index z = 0; z + 1 < box.size[0]; ++z) {
        for (Index y = 0; y + 1 < box.size[1]; ++y) {
            for (Index x = 0; x + 1 < box.size[2]; ++x) {
                const bool* const at = inside.data() + z * sz + y * sy + x;
                const bool corner[8] = {at[0],  at[1],      at[sy],      at[sy + 1],
                                        at[sz], at[sz + 1], at[sz + sy], at[sz + sy + 1]};
                const auto count = std::count(corner, corner + 8, true);
                if (count == 0 || count == 8) continue;
                double sum[3] = {0.0, 0.0, 0.0}, hits = 0.0;
                for (unsigned c = 0; c < 8; ++c) {
                    for (unsigned axis = 0; axis < 3; ++axis) {
                        const unsigned d = c | 4U >> axis;
                        if (d == c || corner[c] == corner[d]) continue;
                        for (unsigned a = 0; a < 3; ++a) {
                            sum[a] += a == axis ? 0.5 : static_cast<double>(c >> (2 - a) & 1U);
                        }
                        hits += 1.0;
                    }
                }
                net.number[static_cast<std::size_t>(box.cell(z, y, x))] =
                    static_cast<Index>(net.cells.size() / 3);
                const Index cell[3] = {z, y, x};
                for (int a = 0; a < 3; ++a) {
                    net.cells.push_back(cell[a]);
                    net.place.push_back(static_cast<double>(cell[a]) + sum[a] / hits);
                }
            }
        }
    }
}

// A quad round every edge of the voxel lattice whose ends differ; it turns one way seen from the label.
void add_quads(const Buffer<bool>& inside, const Box& box, Net& net) {
    const Index stride[3] = {box.size[1] * box.size[2], box.size[2], 1};
    for (int axis = 0; axis < 3; ++axis) {
        const int one = axis == 0 ? 1 : 0, two = axis == 2 ? 1 : 2;
        Index at[3];
        for (at[0] = 0; at[0] + (axis == 0) < box.size[0]; ++at[0]) {
            for (at[1] = 0; at[1] + (axis == 1) < box.size[1]; ++at[1]) {
                const bool* const row = inside.data() + at[0] * stride[0] + at[1] * stride[1];
                for (at[2] = 0; at[2] + (axis == 2) < box.size[2]; ++at[2]) {
                    const bool near = row[at[2]], far = row[at[2] + stride[axis]];
                    if (near == far) continue;
                    Index ring[4];
                    constexpr Index kTurn[4][2] = {{1, 1}, {0, 1}, {0, 0}, {1, 0}};
                    for (int i = 0; i < 4; ++i) {
                        Index cell[3] = {at[0], at[1], at[2]};
                        cell[one] -= kTurn[i][0];
                        cell[two] -= kTurn[i][1];
                        ring[i] = net.number[static_cast<std::size_t>(box.cell(cell[0], cell[1], cell[2]))];
                    }
                    if (far != (axis == 1)) std::reverse(ring, ring + 4);
                    net.quads.insert(net.quads.end(), ring, ring + 4);
                }
            }
        }
    }
}

// Vertices joined to each vertex: a quad's neighbours lie in cells that share a face, so there are six places
// at most, before and after along each axis; -1 where there is none.
std::vector<std::array<Index, 6>> find_links(const Net& net) {
    std::vector<std::array<Index, 6>> links(net.cells.size() / 3);
    for (auto& six : links) six.fill(-1);
    for (std::size_t q = 0; q < net.quads.size(); q += 4) {
        for (std::size_t i = 0; i < 4; ++i) {
            const auto a = static_cast<std::size_t>(net.quads[q + i]);
            const auto b = static_cast<std::size_t>(net.quads[q + (i + 1) % 4]);
            for (std::size_t axis = 0; axis < 3; ++axis) {
                const Index step = net.cells[3 * b + axis] - net.cells[3 * a + axis];
                if (step == 0) continue;
                links[a][2 * axis + (step > 0 ? 1 : 0)] = static_cast<Index>(b);
                links[b][2 * axis + (step > 0 ? 0 : 1)] = static_cast<Index>(a);
            }
        }
    }
    return links;
}

void smooth(Net& net, int rounds) {
    const auto links = find_links(net);
    std::vector<double> next(net.place.size());
    for (int round = 0; round < 2 * rounds; ++round) {
        const double weight = round % 2 == 0 ? 0.6 : -0.6;
        for (std::size_t v = 0; v < links.size(); ++v) {
            double mean[3] = {0.0, 0.0, 0.0}, degree = 0.0;
            for (const Index link : links[v]) {
                if (link < 0) continue;
                for (std::size_t a = 0; a < 3; ++a)
                    mean[a] += net.place[3 * static_cast<std::size_t>(link) + a];
                degree += 1.0;
            }
            for (std::size_t a = 0; a < 3; ++a) {
                const double here = net.place[3 * v + a];
                next[3 * v + a] = here + weight * (mean[a] / degree - here);
            }
        }
        std::swap(net.place, next);
        if (round % 2 == 1) {
            for (std::size_t i = 0; i < net.place.size(); ++i) {
                const double low = static_cast<double>(net.cells[i]);
                net.place[i] = std::clamp(net.place[i], low, low + 1.0);
            }
        }
    }
}

}  // namespace

template <class L>
Mesh surface(View<const L> labels, L value, const double affine[12], int rounds) {
    if (rounds < 0) throw std::invalid_argument("rounds must be >= 0");
    const Box box = box_of(labels, value);
    Mesh mesh;
    if (box.size[0] == 0) return mesh;
    const double* const m = affine;
    const double det = m[0] * (m[5] * m[10] - m[6] * m[9]) - m[1] * (m[4] * m[10] - m[6] * m[8]) +
                       m[2] * (m[4] * m[9] - m[5] * m[8]);
    Net net;
    {
        const Buffer<bool> inside = inside_of(labels, value, box);
        add_vertices(inside, box, net);
        add_quads(inside, box, net);
    }
    smooth(net, rounds);
    for (std::size_t v = 0; v < net.place.size(); v += 3) {
        double index[3];
        for (std::size_t a = 0; a < 3; ++a) index[a] = net.place[v + a] + static_cast<double>(box.low[a]);
        for (int row = 0; row < 3; ++row) {
            const double* const r = affine + 4 * row;
            mesh.vertices.push_back(r[0] * index[0] + r[1] * index[1] + r[2] * index[2] + r[3]);
        }
    }
    for (std::size_t q = 0; q < net.quads.size(); q += 4) {
        const Index* const r = net.quads.data() + q;
        if (det < 0) {
            mesh.faces.insert(mesh.faces.end(), {r[2], r[1], r[0], r[3], r[2], r[0]});
        } else {
            mesh.faces.insert(mesh.faces.end(), {r[0], r[1], r[2], r[0], r[2], r[3]});
        }
    }
    return mesh;
}

template Mesh surface(View<const std::uint16_t>, std::uint16_t, const double*, int);
template Mesh surface(View<const std::uint8_t>, std::uint8_t, const double*, int);

}  // namespace spinefx
