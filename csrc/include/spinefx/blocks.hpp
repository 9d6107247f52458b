// Kernels as bodies: what one thread of one block does between two barriers. CUDA launches a body on a device
// (csrc/cuda); `run_blocks` runs the same body in plain loops, so that tests and sanitizers see every index,
// bound and sum of it without a GPU.
//
// A body is trivially copyable and has
//     struct Shared                          what the threads of a block share; trivial
//     static constexpr int kThreads          threads of a block
//     Index blocks() const                   blocks; they may run in any order, one after another or at once
//     int phases() const                     a barrier stands after each phase
//     void operator()(int phase, Index block, int thread, Shared& shared) const
// Within a phase no thread may read what another one writes, but through the sums below.
#pragma once

#include <memory>

#include "spinefx/core.hpp"

namespace spinefx {

// Whole-number sums that threads of any block share: the order of additions changes no bit.
SPINEFX_HD void add_to(std::int64_t& sum, std::int64_t value) {
#if defined(__CUDA_ARCH__)
    atomicAdd(reinterpret_cast<unsigned long long*>(&sum), static_cast<unsigned long long>(value));
#else
    sum += value;
#endif
}

SPINEFX_HD void raise_to(std::int64_t& most, std::int64_t value) {
#if defined(__CUDA_ARCH__)
    atomicMax(reinterpret_cast<long long*>(&most), static_cast<long long>(value));
#else
    if (value > most) most = value;
#endif
}

SPINEFX_HD Index ceil_div(Index a, Index b) {
    return (a + b - 1) / b;
}

// The order in which a plain loop takes threads and blocks; a body whose result depends on it has a race.
enum class Order { up, down };

template <class Body>
void run_blocks(const Body& body, Order order = Order::up) {
    static_assert(std::is_trivially_copyable_v<Body> && std::is_trivially_default_constructible_v<Body>);
    const Index blocks = body.blocks();
    const int phases = body.phases();
    const auto turned = [order](Index i, Index count) { return order == Order::up ? i : count - 1 - i; };
    // On the heap and not initialised, so that sanitizers see reads beside it and before it is written.
    const auto shared = std::make_unique_for_overwrite<typename Body::Shared>();
    for (Index i = 0; i < blocks; ++i) {
        for (int phase = 0; phase < phases; ++phase) {
            for (int thread = 0; thread < Body::kThreads; ++thread)
                body(phase, turned(i, blocks), static_cast<int>(turned(thread, Body::kThreads)), *shared);
        }
    }
}

}  // namespace spinefx
