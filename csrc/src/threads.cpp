#include "spinefx/threads.hpp"

#include <algorithm>
#include <atomic>
#include <chrono>
#include <condition_variable>
#include <cstdlib>
#include <exception>
#include <mutex>
#include <stdexcept>
#include <string>
#include <thread>
#include <vector>

#if defined(__linux__)
#include <sched.h>
#endif
#if defined(__unix__) || defined(__APPLE__)
#include <pthread.h>
#include <time.h>
#endif

namespace spinefx {
namespace {

constexpr int kMost = 1024;
#if defined(__SANITIZE_THREAD__)
constexpr double kSerial = 0.0, kAwake = 0.0,
                 kShort = 0.0;  // so that the small jobs of tests show their races
#else
constexpr double kSerial = 2e5;  // nanoseconds of work below which waking a thread costs more than it brings
constexpr double kAwake = 5e4;   // the same where one looks out for work
constexpr double kShort = 5e7;   // nanoseconds of work below which a busy machine's helpers are left alone
#endif
constexpr int kLongestRest = 256;
constexpr double kLate = 5e5;  // nanoseconds
constexpr double kLook =
    3e4;  // nanoseconds that a thread looks out for another before it sleeps; waking takes longer

void relax() {
#if defined(__x86_64__) || defined(__i386__)
    __builtin_ia32_pause();
#elif defined(__aarch64__) && defined(__GNUC__)
    asm volatile("yield");
#endif
}

// Nanoseconds of the world, and of this thread's own work where that is known.
struct Clock {
    double wall, own;

    static Clock now() {
        const double wall =
            std::chrono::duration<double, std::nano>(std::chrono::steady_clock::now().time_since_epoch())
                .count();
#if defined(CLOCK_THREAD_CPUTIME_ID)
        timespec time{};
        clock_gettime(CLOCK_THREAD_CPUTIME_ID, &time);
        return {wall, 1e9 * static_cast<double>(time.tv_sec) + static_cast<double>(time.tv_nsec)};
#else
        return {wall, wall};
#endif
    }
};

// Looks for a short while whether something comes true.
template <class True>
void look_for(const True& is_true) {
    const auto start = std::chrono::steady_clock::now();
    while (!is_true()) {
        for (int i = 0; i < 16; ++i) relax();
        if (std::chrono::duration<double, std::nano>(std::chrono::steady_clock::now() - start).count() >
            kLook)
            return;
    }
}

// On a busy machine a helper put aside in the middle of its part, or one that takes the caller's place on its
// processor, holds up the caller for many times a short job. Where
// that happens, the caller does its next short jobs alone: 8 of them, twice as many each time it happens
// again, half as many once helpers come in time. No result depends on it.
class Rest {
  public:
    bool now() {
        for (int left = left_.load(); left > 0;) {
            if (left_.compare_exchange_weak(left, left - 1)) return true;
        }
        return false;
    }
    void seen(bool late) {
        const int before = length_.load();
        length_.store(late ? std::min(kLongestRest, std::max(8, 2 * before)) : before / 2);
        left_.store(late ? length_.load() : 0);
    }

  private:
    std::atomic<int> left_{0}, length_{0};
};

Rest rest;

struct Job {
    const std::function<void(Index)>* body;
    Index count;
    std::atomic<Index> next{0};
    std::mutex lock;
    std::exception_ptr failure;

    void run() {
        for (Index i = next.fetch_add(1); i < count; i = next.fetch_add(1)) {
            try {
                (*body)(i);
            } catch (...) {
                const std::lock_guard hold(lock);
                if (!failure) failure = std::current_exception();
                next.store(count);
            }
        }
    }
};

class Pool {
  public:
    std::mutex busy;  // held by the caller whose job runs

    bool is_awake() const { return looking_.load() > 0; }

    // Whether the caller stood still for longer than it worked: waiting for helpers, or put aside for them.
    bool run(Job& job, int helpers, bool is_short) {
        const Clock start = Clock::now();
        {
            const std::lock_guard hold(lock_);
            while (size_ < helpers) start_helper();
            place(is_short, helpers);
            job_ = &job;
            helpers_ = helpers;
            ++turn_;
        }
        wake_.notify_all();
        job.run();
        look_for([this] { return working_.load() == 0; });
        std::unique_lock hold(lock_);
        job_ = nullptr;  // a helper that wakes late finds nothing and goes back to sleep
        done_.wait(hold, [this] { return working_ == 0; });
        const Clock end = Clock::now();
        const double worked = end.own - start.own, idle = end.wall - start.wall - worked;
        return idle > kLate && idle > worked;
    }

  private:
#if defined(__linux__)
    void start_helper() {
        std::thread helper(&Pool::work, this, size_);
        handles_.push_back(helper.native_handle());  // good for ever: helpers never end
        helper.detach();
        ++size_;
        CPU_ZERO(&placed_);
    }

    // Where helpers may run: wherever the caller may, but for short jobs not on the processor that it is on.
    // Schedulers that pack threads wake them there and part them at the next tick, when a short job is over.
    void place(bool is_short, int helpers) {
        cpu_set_t wanted;
        if (pthread_getaffinity_np(pthread_self(), sizeof(wanted), &wanted) != 0) return;
        const int here = sched_getcpu();
        if (is_short && here >= 0 && here < CPU_SETSIZE && CPU_COUNT(&wanted) > helpers) {
            CPU_CLR(static_cast<std::size_t>(here), &wanted);
        }
        if (CPU_EQUAL(&wanted, &placed_)) return;
        placed_ = wanted;
        for (const pthread_t helper : handles_) pthread_setaffinity_np(helper, sizeof(wanted), &wanted);
    }

    std::vector<pthread_t> handles_;
    cpu_set_t placed_{};
#else
    void start_helper() { std::thread(&Pool::work, this, size_++).detach(); }
    void place(bool, int) {}
#endif

    void work(int number) {
        std::uint64_t seen = 0;
        std::unique_lock hold(lock_);
        for (;;) {
            wake_.wait(hold, [&] { return turn_ != seen; });
            seen = turn_;
            if (job_ == nullptr || number >= helpers_) continue;
            Job& job = *job_;
            ++working_;
            hold.unlock();
            job.run();
            hold.lock();
            if (--working_ == 0) done_.notify_all();
            hold.unlock();
            ++looking_;
            look_for([&] { return turn_.load() != seen; });
            --looking_;
            hold.lock();
        }
    }

    std::mutex lock_;
    std::condition_variable wake_, done_;
    Job* job_ = nullptr;
    std::atomic<std::uint64_t> turn_{0};
    std::atomic<int> working_{0}, looking_{0};
    int size_ = 0, helpers_ = 0;
};

std::atomic<Pool*> the_pool{nullptr};
std::atomic<int> wanted{0};
thread_local bool inside = false;

Pool& pool() {
    Pool* found = the_pool.load();
    if (found == nullptr) {
        auto* fresh = new Pool;  // never deleted: its threads may outlive every destructor
        if (the_pool.compare_exchange_strong(found, fresh)) {
            found = fresh;
#if defined(__unix__) || defined(__APPLE__)
            // The child has none of the threads and maybe a held lock: forget the pool there.
            static const int registered = pthread_atfork(nullptr, nullptr, [] {
                the_pool.store(nullptr);
                inside = false;
            });
            static_cast<void>(registered);
#endif
        } else {
            delete fresh;
        }
    }
    return *found;
}

int checked(long count, const std::string& what) {
    if (count < 1 || count > kMost) {
        throw std::invalid_argument(what + " must be in 1.." + std::to_string(kMost));
    }
    return static_cast<int>(count);
}

int initial() {
    if (const char* text = std::getenv("SPINEFX_NUM_THREADS"); text != nullptr && *text != '\0') {
        char* end = nullptr;
        const long count = std::strtol(text, &end, 10);
        return checked(*end == '\0' ? count : 0, "SPINEFX_NUM_THREADS='" + std::string(text) +
                                                     "' is not usable: the number of threads");
    }
    const unsigned found = std::thread::hardware_concurrency();
    return found == 0 ? 1 : found > kMost ? kMost : static_cast<int>(found);
}

struct Inside {
    Inside() { inside = true; }
    ~Inside() { inside = false; }
};

}  // namespace

int threads() {
    int count = wanted.load();
    if (count == 0) {
        count = initial();
        wanted.store(count);
    }
    return count;
}

void set_threads(int count) {
    wanted.store(checked(count, "the number of threads, " + std::to_string(count) + ","));
}

void parallel_for(Index count, double work, const std::function<void(Index)>& body) {
    const Index helpers = (count < threads() ? count : threads()) - 1;
    const bool pays = work >= kSerial || (work >= kAwake && pool().is_awake());
    if (helpers > 0 && pays && !inside && !(work < kShort && rest.now())) {
        Pool& shared = pool();
        if (const std::unique_lock mine(shared.busy, std::try_to_lock); mine.owns_lock()) {
            const std::function<void(Index)> marked = [&body](Index i) {
                const Inside here;
                body(i);
            };
            Job job{&marked, count, {}, {}, {}};
            rest.seen(shared.run(job, static_cast<int>(helpers), work < kShort));
            if (job.failure) std::rethrow_exception(job.failure);
            return;
        }
    }
    for (Index i = 0; i < count; ++i) body(i);
}

}  // namespace spinefx
