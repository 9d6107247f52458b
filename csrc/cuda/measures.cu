#include "launch.hpp"
#include "spinefx/measuring_blocks.hpp"

namespace spinefx::device {
namespace {

// Device memory that comes and goes in the stream's order.
class Scratch {
  public:
    Scratch(std::size_t bytes, cudaStream_t stream) : stream_(stream) {
        check(cudaMallocAsync(&data_, bytes, stream), "taking scratch memory");
    }
    Scratch(const Scratch&) = delete;
    Scratch& operator=(const Scratch&) = delete;
    ~Scratch() { static_cast<void>(cudaFreeAsync(data_, stream_)); }
    void* data() const { return data_; }

  private:
    void* data_ = nullptr;
    cudaStream_t stream_;
};

}  // namespace

template <class L>
std::vector<LabelSums> label_sums(View<const L> labels, Stream on) {
    check_moments(labels.shape);
    if (labels.shape.voxels() == 0) return {};
    const OnDeviceOf here({labels.data});
    const auto stream = static_cast<cudaStream_t>(on);
    cudaStreamCaptureStatus captured{};
    check(cudaStreamIsCapturing(stream, &captured), "asking about the stream");
    if (captured != cudaStreamCaptureStatusNone)
        throw Failure("label sums come to the host, which waits for the stream: no graph can capture them");
    using Body = LabelSumsBody<L>;
    constexpr std::size_t kLabels = std::size_t{1} << 8 * sizeof(L);
    std::vector<std::int64_t> table(kLabels * Body::kSums);
    const std::size_t bytes = table.size() * sizeof(std::int64_t);
    {
        const Scratch sums(bytes, stream);
        check(cudaMemsetAsync(sums.data(), 0, bytes, stream), "emptying the sums");
        launch(Body{labels.data, labels.shape, static_cast<std::int64_t*>(sums.data())}, on);
        check(cudaMemcpyAsync(table.data(), sums.data(), bytes, cudaMemcpyDeviceToHost, stream),
              "fetching the sums");
        check(cudaStreamSynchronize(stream), "waiting for the sums");
    }
    return rows_of<L>(table.data(), labels.shape);
}

template std::vector<LabelSums> label_sums(View<const std::uint16_t>, Stream);
template std::vector<LabelSums> label_sums(View<const std::uint8_t>, Stream);

void soft_moments(const float* maps, Index count, Shape shape, double* out, Stream stream) {
    if (count == 0) return;
    const OnDeviceOf here({maps, out});
    launch(SoftMomentsBody::make(maps, count, shape, out), stream);
}

}  // namespace spinefx::device
