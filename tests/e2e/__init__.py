# A package: its modules have the names of those above it.
# SPDX-License-Identifier: Apache-2.0
