#include <atomic>
#include <stdexcept>
#include <thread>
#include <vector>

#include "harness.hpp"
#include "spinefx/threads.hpp"

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
