// One of two.
// SPDX-License-Identifier: Apache-2.0
#include <string>

std::string one() { return "one"; }
