# A package: its modules have the names of those in tests/e2e.
# SPDX-License-Identifier: Apache-2.0
