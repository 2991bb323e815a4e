// The C++ half of the example program: greets everybody named on the command line.
// SPDX-License-Identifier: Apache-2.0
#include "greeting.h"

#include <iostream>
#include <string>
#include <vector>

int main(int argc, char *argv[])
{
    std::vector<std::string> names(argv + 1, argv + argc);
    if (names.empty())
        names.emplace_back("world");
    for (const auto &name : names)
        std::cout << greeting(name.c_str()) << '\n';
}
