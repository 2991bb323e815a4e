# The command bst-recc: what recc did in a build, what it needs, and what builds share.
# SPDX-License-Identifier: Apache-2.0
"""Commands beside BuildStream for projects that compile through recc."""

__version__ = "1.0.0"
