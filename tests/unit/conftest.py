# Fixtures of the wrapper's tests.
# SPDX-License-Identifier: Apache-2.0
from __future__ import annotations

from pathlib import Path

import pytest
from wrapper import make


@pytest.fixture(scope="session")
def built(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A directory with 'plan' and the objects that it is made of."""
    directory = tmp_path_factory.mktemp("wrapper")
    make(directory, "plan")
    return directory
