// Two of two.
// SPDX-License-Identifier: Apache-2.0
#include <vector>

std::vector<int> two() { return {1, 2}; }
