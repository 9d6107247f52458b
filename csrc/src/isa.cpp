#include <cstdlib>
#include <stdexcept>
#include <string>

#include "spinefx/rows.hpp"

namespace spinefx {

namespace baseline {
const RowTable& table();
}
#if defined(SPINEFX_HAS_avx2)
namespace avx2 {
const RowTable& table();
}
namespace avx512 {
const RowTable& table();
}
#endif

namespace {

struct Tables {
    const RowTable* found[4] = {&baseline::table(), nullptr, nullptr, nullptr};

    Tables() {
#if defined(SPINEFX_HAS_avx2)
        __builtin_cpu_init();
        const bool has_avx2 = __builtin_cpu_supports("avx2") && __builtin_cpu_supports("fma") &&
                              __builtin_cpu_supports("bmi") && __builtin_cpu_supports("bmi2");
        const bool has_avx512 = has_avx2 && __builtin_cpu_supports("avx512f") &&
                                __builtin_cpu_supports("avx512bw") && __builtin_cpu_supports("avx512dq") &&
                                __builtin_cpu_supports("avx512vl");
        if (has_avx2) found[1] = &avx2::table();
        if (has_avx512) found[2] = &avx512::table();
#endif
    }
};

const RowTable& choose() {
    const char* wish = std::getenv("SPINEFX_ISA");
    const std::string name = wish == nullptr ? "" : wish;
    const RowTable* best = nullptr;
    for (const RowTable* const* table = all_rows(); *table != nullptr; ++table) {
        if (name.empty() || name == (*table)->name) best = *table;
    }
    if (best == nullptr) {
        throw std::invalid_argument(
            "SPINEFX_ISA='" + name +
            "' is not to be had on this machine: leave it out, or name baseline, avx2 or avx512");
    }
    return *best;
}

}  // namespace

const RowTable* const* all_rows() {
    static const Tables tables;
    return tables.found;
}

const RowTable& rows() {
    static const RowTable& chosen = choose();
    return chosen;
}

const char* isa() {
    return rows().name;
}

}  // namespace spinefx
