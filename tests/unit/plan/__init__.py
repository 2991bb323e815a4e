# Tests of plans: what is expected of them, and programs that call the wrapper's own code.
# SPDX-License-Identifier: Apache-2.0
