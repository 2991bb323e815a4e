# python -m bst_recc is bst-recc.
# SPDX-License-Identifier: Apache-2.0
from bst_recc.cli import main

main()
