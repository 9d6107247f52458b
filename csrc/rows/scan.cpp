// Scans of label rows: where a run of equal labels ends.
#include "rows.hpp"

namespace spinefx::SPINEFX_ISA {

template <class T>
Index change(const T* const rows[4], Index from, Index end, T label) {
    if constexpr (std::is_floating_point_v<T>) {
        return from < end ? from : end;  // images are never scanned
    } else {
        const T* SPINEFX_RESTRICT const a = rows[0];
        const T* SPINEFX_RESTRICT const b = rows[1];
        const T* SPINEFX_RESTRICT const c = rows[2];
        const T* SPINEFX_RESTRICT const d = rows[3];
        constexpr Index kBlock = 64 / static_cast<Index>(sizeof(T));
        Index i = from;
        for (; i + kBlock <= end; i += kBlock) {
            unsigned different = 0;
            for (Index k = i; k < i + kBlock; ++k) {
                different |=
                    static_cast<unsigned>((a[k] ^ label) | (b[k] ^ label) | (c[k] ^ label) | (d[k] ^ label));
            }
            if (different != 0) break;
        }
        while (i < end && a[i] == label && b[i] == label && c[i] == label && d[i] == label) ++i;
        return i;
    }
}

#define SPINEFX_MAKE(T) template Index change<T>(const T* const*, Index, Index, T);
SPINEFX_FOR_PIXELS(SPINEFX_MAKE)

}  // namespace spinefx::SPINEFX_ISA
