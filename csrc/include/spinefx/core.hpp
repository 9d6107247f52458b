// Views, buffers and matrices that every kernel speaks in. Knows neither Python nor threads.
#pragma once

#include <cstddef>
#include <cstdint>
#include <cstring>
#include <new>
#include <type_traits>
#include <utility>

#if defined(__linux__)
#include <sys/mman.h>
#endif

#if defined(__CUDACC__)
#define SPINEFX_HD __host__ __device__ inline
#elif defined(__GNUC__)
// Always inlined: an out-of-line copy made by a translation unit for a newer instruction set could be
// the one that the linker keeps for everybody.
#define SPINEFX_HD inline __attribute__((always_inline))
#else
#define SPINEFX_HD inline
#endif

#if defined(__GNUC__)
#define SPINEFX_RESTRICT __restrict__
#else
#define SPINEFX_RESTRICT __restrict
#endif

namespace spinefx {

using Index = std::int64_t;

struct Shape {
    Index z, y, x;

    SPINEFX_HD Index voxels() const { return z * y * x; }
    SPINEFX_HD Index operator[](int axis) const { return axis == 0 ? z : axis == 1 ? y : x; }
    SPINEFX_HD bool operator==(const Shape& other) const {
        return z == other.z && y == other.y && x == other.x;
    }
};

// A borrowed C-contiguous volume; the caller keeps it alive and of the stated shape.
template <class T>
struct View {
    T* data;
    Shape shape;

    SPINEFX_HD T* row(Index z, Index y) const { return data + (z * shape.y + y) * shape.x; }
    SPINEFX_HD T& at(Index z, Index y, Index x) const { return row(z, y)[x]; }
    SPINEFX_HD operator View<const T>() const { return {data, shape}; }
};

// A 16-bit float as its bits; arithmetic is done on floats.
struct Half {
    std::uint16_t bits;
};

// Affine map of an index (z, y, x): rows give source z, y, x; columns z, y, x and the shift.
struct Matrix {
    double m[3][4];

    // Same order of operations as the NumPy reference, so that ties fall the same way.
    SPINEFX_HD double at(int axis, double z, double y, double x) const {
        return ((m[axis][0] * z + m[axis][3]) + m[axis][1] * y) + m[axis][2] * x;
    }
};

// Asks for huge pages where memory is large enough for some: touching it first costs a fault a page.
inline void want_huge_pages(void* data, std::size_t bytes) {
#if defined(__linux__) && defined(MADV_HUGEPAGE)
    constexpr std::uintptr_t kPage = 4096;
    if (bytes < std::size_t{1} << 22) return;
    const std::uintptr_t from = (reinterpret_cast<std::uintptr_t>(data) + kPage - 1) / kPage * kPage,
                         to = (reinterpret_cast<std::uintptr_t>(data) + bytes) / kPage * kPage;
    // A wish: where it is refused, pages are small.
    static_cast<void>(madvise(reinterpret_cast<void*>(from), to - from, MADV_HUGEPAGE));
#else
    static_cast<void>(data), static_cast<void>(bytes);
#endif
}

// Owned scratch, aligned to 64 bytes, not initialised unless asked; elements are trivial.
template <class T>
class Buffer {
    static_assert(std::is_trivially_copyable_v<T>);

  public:
    Buffer() = default;
    explicit Buffer(Index size) : size_(size) {
        if (size > 0) {
            const std::size_t bytes = static_cast<std::size_t>(size) * sizeof(T);
            data_ = static_cast<T*>(::operator new(bytes, std::align_val_t{64}));
            want_huge_pages(data_, bytes);
        }
    }
    Buffer(Index size, T value) : Buffer(size) {
        for (Index i = 0; i < size; ++i) data_[i] = value;
    }
    Buffer(Buffer&& other) noexcept
        : data_(std::exchange(other.data_, nullptr)), size_(std::exchange(other.size_, 0)) {}
    Buffer& operator=(Buffer&& other) noexcept {
        std::swap(data_, other.data_);
        std::swap(size_, other.size_);
        return *this;
    }
    Buffer(const Buffer&) = delete;
    Buffer& operator=(const Buffer&) = delete;
    ~Buffer() { ::operator delete(data_, std::align_val_t{64}); }

    T* data() const { return data_; }
    Index size() const { return size_; }
    T& operator[](Index i) const { return data_[i]; }

  private:
    T* data_ = nullptr;
    Index size_ = 0;
};

}  // namespace spinefx
