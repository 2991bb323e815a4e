// Touches libstdc++: containers, streams, exceptions, threads, regular expressions.
// SPDX-License-Identifier: Apache-2.0
#include <fstream>
#include <map>
#include <memory>
#include <regex>
#include <stdexcept>
#include <string>
#include <thread>

int main(int argc, char *argv[])
{
    std::map<std::string, int> numbers;
    numbers["one"] = 1;
    auto text = std::make_unique<std::string>("ok");
    try {
        numbers.at("two");
        return 1;
    } catch (const std::out_of_range &) {
    }
    if (!std::regex_match(*text, std::regex("o[a-z]")))
        return 2;
    std::thread([&] { *text += "!"; }).join();
    std::ofstream(argv[argc - 1]) << *text << '\n';
}
