// Scans of label rows: where a run of equal labels ends, and which cells hold several.
#include "rows.hpp"

namespace spinefx::SPINEFX_ISA {
namespace {

#if defined(__AVX512F__)
constexpr Index kBytes = 64;

// One bit a pixel of the first `some` (all, if there are more than a register holds): those unlike `label`.
template <class T>
SPINEFX_HD std::uint64_t unlike(const T* from, T label, Index some) {
    if constexpr (sizeof(T) == 1) {
        const __mmask64 seen = some < 64 ? (1ULL << some) - 1 : ~0ULL;
        return _mm512_mask_cmpneq_epi8_mask(seen, _mm512_maskz_loadu_epi8(seen, from),
                                            _mm512_set1_epi8(static_cast<char>(label)));
    } else {
        const __mmask32 seen = some < 32 ? (1U << some) - 1 : ~0U;
        return _mm512_mask_cmpneq_epi16_mask(seen, _mm512_maskz_loadu_epi16(seen, from),
                                             _mm512_set1_epi16(static_cast<short>(label)));
    }
}
#elif defined(__AVX2__)
constexpr Index kBytes = 32;

// One bit a byte.
template <class T>
SPINEFX_HD std::uint64_t unlike(const T* from, T label, Index) {
    const __m256i here = _mm256_loadu_si256(reinterpret_cast<const __m256i*>(from));
    const __m256i same = sizeof(T) == 1
                             ? _mm256_cmpeq_epi8(here, _mm256_set1_epi8(static_cast<char>(label)))
                             : _mm256_cmpeq_epi16(here, _mm256_set1_epi16(static_cast<short>(label)));
    return ~static_cast<std::uint32_t>(_mm256_movemask_epi8(same));
}
#endif

// `count` rows side by side; four, or one.
template <int count, class T>
SPINEFX_HD Index change_of(const T* const rows[4], Index from, Index end, T label) {
    Index i = from;
#if defined(__AVX2__)
    constexpr Index kPixels = kBytes / static_cast<Index>(sizeof(T));
#if defined(__AVX512F__)
    const Index stop = end;
    constexpr int kBits = 1;
#else
    const Index stop = end - kPixels + 1;
    constexpr int kBits = sizeof(T);
#endif
    for (; i < stop; i += kPixels) {
        std::uint64_t found = 0;
        for (int row = 0; row < count; ++row) found |= unlike(rows[row] + i, label, end - i);
        if (found != 0) return i + static_cast<Index>(__builtin_ctzll(found)) / kBits;
    }
#else
    constexpr Index kBlock = 64 / static_cast<Index>(sizeof(T));
    for (; i + kBlock <= end; i += kBlock) {
        unsigned different = 0;
        for (int row = 0; row < count; ++row) {
            const T* SPINEFX_RESTRICT const a = rows[row];
            for (Index k = i; k < i + kBlock; ++k) different |= static_cast<unsigned>(a[k] ^ label);
        }
        if (different != 0) break;
    }
#endif
    for (; i < end; ++i) {
        for (int row = 0; row < count; ++row) {
            if (rows[row][i] != label) return i;
        }
    }
    return end;
}

}  // namespace

template <class T>
Index change(const T* const rows[4], Index from, Index end, T label) {
    if constexpr (std::is_floating_point_v<T>) {
        return from < end ? from : end;  // images are never scanned
    } else if (rows[0] == rows[1] && rows[0] == rows[2] && rows[0] == rows[3]) {
        return change_of<1>(rows, from, end, label);
    } else {
        return change_of<4>(rows, from, end, label);
    }
}

template <class T>
void mixed(const T* const rows[4], Index count, std::uint8_t* out) {
    if constexpr (!std::is_floating_point_v<T>) {
        Index i = 0;
#if defined(__GNUC__)
        constexpr Index kRegister = 4 * kNative, kPixels = kRegister / static_cast<Index>(sizeof(T));
        typedef T Pixels __attribute__((vector_size(kRegister)));
        typedef std::uint8_t Flags __attribute__((vector_size(kPixels)));
        const auto load = [](const T* from) {
            Pixels made;
            std::memcpy(&made, from, sizeof(made));
            return made;
        };
        const auto block = [&](Index at) {
            const Pixels label = load(rows[0] + at);
            Pixels unlike = label ^ load(rows[0] + at + 1);
            for (int row = 1; row < 4; ++row)
                unlike |= (label ^ load(rows[row] + at)) | (label ^ load(rows[row] + at + 1));
            const Flags flags = __builtin_convertvector(unlike != 0, Flags) & 1;
            std::memcpy(out + at, &flags, sizeof(flags));
        };
        for (; i + kPixels < count; i += kPixels) block(i);
        if (count > kPixels) {  // once more where some are left
            block(count - 1 - kPixels);
            i = count - 1;
        }
#endif
        for (; i < count; ++i) {
            const Index next = i + 1 < count ? i + 1 : i;
            bool unlike = false;
            for (int row = 0; row < 4; ++row)
                unlike = unlike || rows[row][i] != rows[0][i] || rows[row][next] != rows[0][i];
            out[i] = unlike ? 1 : 0;
        }
    }
}

#define SPINEFX_MAKE(T)                                         \
    template Index change<T>(const T* const*, Index, Index, T); \
    template void mixed<T>(const T* const*, Index, std::uint8_t*);
SPINEFX_FOR_PIXELS(SPINEFX_MAKE)

}  // namespace spinefx::SPINEFX_ISA
