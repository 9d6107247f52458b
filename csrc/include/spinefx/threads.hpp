// One pool of threads for the whole process. The caller works too; a forked child starts a pool of its own;
// nothing is joined at exit. Small work, nested calls and a pool that is busy run on the calling thread.
#pragma once

#include <functional>

#include "spinefx/core.hpp"

namespace spinefx {

// Threads that the next call may use: `set_threads`, else SPINEFX_NUM_THREADS, else the CPUs this process may
// run on. Throws std::invalid_argument where the variable is not a number in 1..1024.
int threads();

// 1..1024, else std::invalid_argument.
void set_threads(int count);

// Calls body(0) ... body(count - 1), each once, in any order and on any thread; returns when all are done.
// `work` is the whole job in elementary steps (about a nanosecond each), by which small jobs stay serial, and
// short ones for a while after helpers came late on a busy machine. The first exception is rethrown.
void parallel_for(Index count, double work, const std::function<void(Index)>& body);

}  // namespace spinefx
