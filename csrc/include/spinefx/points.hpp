// Clouds of points: exact nearest neighbours and shortest paths over their graph. Memory grows as n k, never
// as n^2.
#pragma once

#include "spinefx/core.hpp"

namespace spinefx {

// The k nearest other points of each of n points (n, width), nearest first, ties by index; 1 <= k < n.
// Candidates are found in float, by products, with a bound on their error, and settled in double: the result
// is that of double arithmetic.
void neighbours(const double* points, Index n, Index width, Index k, std::int64_t* index, double* distance);

// Shortest paths (sources, n) from each source over the undirected graph that joins each point to its k
// neighbours; infinity where there is no path. Indices and sources must lie in 0..n-1, lengths must be >= 0:
// std::invalid_argument if not.
void geodesics(const std::int64_t* index, const double* length, Index n, Index k, const std::int64_t* sources,
               Index count, double* out);

}  // namespace spinefx
