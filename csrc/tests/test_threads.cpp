#include <atomic>
#include <chrono>
#include <stdexcept>
#include <thread>
#include <vector>

#include "harness.hpp"
#include "spinefx/threads.hpp"

#if defined(__linux__)
#include <pthread.h>
#include <sched.h>
#endif
#if defined(__unix__) && !defined(__SANITIZE_THREAD__)
#include <sys/wait.h>
#include <unistd.h>
#endif

using namespace spinefx;

namespace {

constexpr double kLarge = 1e9;  // work that is never kept serial

Index total(Index count) {
    std::atomic<Index> sum{0};
    parallel_for(count, kLarge, [&](Index i) { sum += i; });
    return sum.load();
}

}  // namespace

TEST(Threads, every_index_is_visited_once) {
    set_threads(4);
    for (const Index count : {0, 1, 2, 3, 5, 1000}) {
        std::vector<std::atomic<int>> visits(static_cast<std::size_t>(count));
        parallel_for(count, kLarge, [&](Index i) { ++visits[static_cast<std::size_t>(i)]; });
        for (const auto& times : visits) EXPECT_EQ(times.load(), 1);
    }
}

TEST(Threads, an_exception_reaches_the_caller_and_the_pool_lives_on) {
    set_threads(4);
    const auto failing = [](Index i) {
        if (i == 17) throw std::runtime_error("seventeen");
    };
    for (int round = 0; round < 50; ++round)
        EXPECT_THROW(parallel_for(100, kLarge, failing), std::runtime_error);
    EXPECT_EQ(total(1000), 499500);
}

TEST(Threads, nested_loops_run_on_the_thread_that_calls_them) {
    set_threads(4);
    std::atomic<Index> sum{0};
    parallel_for(8, kLarge, [&](Index) { parallel_for(8, kLarge, [&](Index j) { sum += j; }); });
    EXPECT_EQ(sum.load(), 8 * 28);
}

TEST(Threads, callers_may_come_from_many_threads) {
    set_threads(3);
    std::atomic<int> right{0};
    std::vector<std::thread> callers;
    for (int i = 0; i < 6; ++i) {
        callers.emplace_back([&] {
            for (int round = 0; round < 50; ++round) right += total(200) == 19900 ? 1 : 0;
        });
    }
    for (std::thread& caller : callers) caller.join();
    EXPECT_EQ(right.load(), 300);
}

#if defined(__linux__)
TEST(Threads, helpers_of_short_jobs_leave_the_callers_processor_to_it) {
    cpu_set_t mine;
    const int processors =
        pthread_getaffinity_np(pthread_self(), sizeof(mine), &mine) == 0 ? CPU_COUNT(&mine) : 0;
    if (processors < 2) return;  // nowhere to go
    set_threads(2);
    const std::thread::id caller = std::this_thread::get_id();
    // How many processors the helper may use. Both wait a while for the other, so that both take part; after
    // a job that was held up, the next ones rest.
    const auto allowed = [&](double work) {
        std::atomic<int> seen{0}, here{0};
        for (int round = 0; round < 50 && seen.load() == 0; ++round) {
            here = 0;
            parallel_for(2, work, [&](Index) {
                const auto end = std::chrono::steady_clock::now() + std::chrono::milliseconds(100);
                for (++here; here.load() < 2 && std::chrono::steady_clock::now() < end;)
                    std::this_thread::yield();
                cpu_set_t set;
                if (std::this_thread::get_id() == caller) return;
                if (pthread_getaffinity_np(pthread_self(), sizeof(set), &set) == 0) seen = CPU_COUNT(&set);
            });
        }
        return seen.load();
    };
    EXPECT_EQ(allowed(kLarge), processors);
#if !defined(__SANITIZE_THREAD__)  // under it no job is short
    EXPECT_EQ(allowed(1e6), processors - 1);
    EXPECT_EQ(allowed(kLarge), processors);
#endif
}
#endif

#if !defined(__SANITIZE_THREAD__)  // under it no job rests, so that all show their races
TEST(Threads, short_jobs_are_done_alone_for_a_while_after_helpers_held_one_up) {
    set_threads(2);
    const std::thread::id caller = std::this_thread::get_id();
    std::atomic<int> helped{0};
    const auto slow_helper = [&](Index) {
        const bool mine = std::this_thread::get_id() == caller;
        if (!mine) std::this_thread::sleep_for(std::chrono::milliseconds(40));
        const auto end = std::chrono::steady_clock::now() + std::chrono::milliseconds(1);
        while (std::chrono::steady_clock::now() < end) continue;
        helped += mine ? 0 : 1;
    };
    constexpr double kShortWork = 1e6;
    // Until a helper came and was waited for: on a busy machine it may sleep through some jobs.
    for (int round = 0; round < 200 && helped == 0; ++round) parallel_for(8, kShortWork, slow_helper);
    EXPECT_EQ(helped.load() > 0, true);
    helped = 0;
    for (int round = 0; round < 4; ++round) parallel_for(8, kShortWork, slow_helper);
    EXPECT_EQ(helped.load(), 0);
    for (int round = 0; round < 200 && helped == 0; ++round) parallel_for(8, kLarge, slow_helper);
    EXPECT_EQ(helped.load() > 0, true);  // long jobs are shared all the same
}
#endif

TEST(Threads, counts_outside_1_to_1024_are_refused) {
    EXPECT_THROW(set_threads(0), std::invalid_argument);
    EXPECT_THROW(set_threads(1025), std::invalid_argument);
    set_threads(2);
    EXPECT_EQ(threads(), 2);
}

#if defined(__unix__) && !defined(__SANITIZE_THREAD__)
TEST(Threads, a_forked_child_has_a_pool_of_its_own) {
    set_threads(3);
    EXPECT_EQ(total(1000), 499500);
    const pid_t child = fork();
    if (child == 0) _exit(total(1000) == 499500 ? 0 : 1);
    int status = 1;
    waitpid(child, &status, 0);
    EXPECT_EQ(status, 0);
}
#endif
