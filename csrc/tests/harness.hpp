// The few test macros that the core needs, spoken in GoogleTest's names and command line, so that pytest-cpp
// runs each test as an item of its own and nothing has to be installed.
//
//     TEST(Suite, what_must_hold) { EXPECT_EQ(1 + 1, 2); }
#pragma once

#include <cmath>
#include <functional>
#include <sstream>
#include <string>
#include <vector>

namespace harness {

struct Test {
    std::string suite, name;
    std::function<void()> body;
};

std::vector<Test>& tests();
bool add(const char* suite, const char* name, std::function<void()> body);
// Notes a failure of the running test and goes on.
void fail(const char* file, int line, const std::string& what);

template <class A, class B>
void expect_equal(const A& a, const B& b, const char* text, const char* file, int line) {
    if (a == b) return;
    std::ostringstream what;
    what << text << ": " << a << " is not " << b;
    fail(file, line, what.str());
}

inline void expect_near(double a, double b, double tolerance, const char* text, const char* file, int line) {
    if (std::abs(a - b) <= tolerance) return;
    std::ostringstream what;
    what.precision(17);
    what << text << ": " << a << " is not within " << tolerance << " of " << b;
    fail(file, line, what.str());
}

}  // namespace harness

#define TEST(suite, name)                                                                   \
    static void suite##_##name();                                                           \
    static const bool suite##_##name##_added = harness::add(#suite, #name, suite##_##name); \
    static void suite##_##name()

#define EXPECT_TRUE(condition) \
    static_cast<void>((condition) ? void() : harness::fail(__FILE__, __LINE__, #condition " is false"))
#define EXPECT_EQ(a, b) harness::expect_equal((a), (b), #a, __FILE__, __LINE__)
#define EXPECT_NEAR(a, b, tolerance) harness::expect_near((a), (b), (tolerance), #a, __FILE__, __LINE__)
#define EXPECT_THROW(statement, type)                                                        \
    do {                                                                                     \
        bool thrown = false;                                                                 \
        try {                                                                                \
            statement;                                                                       \
        } catch (const type&) {                                                              \
            thrown = true;                                                                   \
        }                                                                                    \
        if (!thrown) harness::fail(__FILE__, __LINE__, #statement " does not throw " #type); \
    } while (false)
