# A package: its modules have the names of those in tests/unit.
# SPDX-License-Identifier: Apache-2.0
