#include <cstring>
#include <exception>
#include <fstream>
#include <iostream>

#include "harness.hpp"

namespace harness {
namespace {

std::vector<std::string> failures;

std::string escaped(const std::string& text) {
    std::string made;
    for (const char c : text) {
        if (c == '&') {
            made += "&amp;";
        } else if (c == '<') {
            made += "&lt;";
        } else if (c == '>') {
            made += "&gt;";
        } else if (c == '"') {
            made += "&quot;";
        } else {
            made += c;
        }
    }
    return made;
}

// Runs one test; true where it holds.
bool run(const Test& test, std::ostream& xml) {
    failures.clear();
    try {
        test.body();
    } catch (const std::exception& error) {
        fail("unexpected exception", 0, error.what());
    }
    std::cout << (failures.empty() ? "[       OK ] " : "[  FAILED  ] ") << test.suite << '.' << test.name
              << '\n';
    xml << "<testsuite name=\"" << test.suite << "\"><testcase name=\"" << test.name << "\" status=\"run\">";
    for (const std::string& failure : failures) {
        std::cout << failure << '\n';
        xml << "<failure>" << escaped(failure) << "</failure>";
    }
    xml << "</testcase></testsuite>\n";
    return failures.empty();
}

void list() {
    for (const Test& test : tests()) std::cout << test.suite << ".\n  " << test.name << '\n';
}

}  // namespace

std::vector<Test>& tests() {
    static std::vector<Test> all;
    return all;
}

bool add(const char* suite, const char* name, std::function<void()> body) {
    tests().push_back({suite, name, std::move(body)});
    return true;
}

void fail(const char* file, int line, const std::string& what) {
    failures.push_back(std::string(file) + ":" + std::to_string(line) + "\n" + what);
}

}  // namespace harness

int main(int count, char** arguments) {
    std::string filter = "*", report;
    for (int i = 1; i < count; ++i) {
        const std::string argument = arguments[i];
        if (argument == "--help") {
            std::cout << "--gtest_list_tests, --gtest_filter=SUITE.NAME, --gtest_output=xml:FILE\n";
            return 0;
        }
        if (argument == "--gtest_list_tests") {
            harness::list();
            return 0;
        }
        if (argument.rfind("--gtest_filter=", 0) == 0)
            filter = argument.substr(std::strlen("--gtest_filter="));
        if (argument.rfind("--gtest_output=xml:", 0) == 0)
            report = argument.substr(std::strlen("--gtest_output=xml:"));
    }
    std::ostringstream xml;
    int failed = 0, ran = 0;
    for (const harness::Test& test : harness::tests()) {
        if (filter != "*" && filter != test.suite + "." + test.name) continue;
        ++ran;
        failed += harness::run(test, xml) ? 0 : 1;
    }
    if (!report.empty()) std::ofstream(report) << "<testsuites>\n" << xml.str() << "</testsuites>\n";
    std::cout << ran << " tests, " << failed << " failed\n";
    return failed == 0 && ran > 0 ? 0 : 1;
}
