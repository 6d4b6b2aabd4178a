"""One founded home per process of the tests, which every scene copies."""

from pathlib import Path

import pytest

from tests.support.homes import make_home


@pytest.fixture(scope="session")
def founded(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A home that nobody uses."""
    return make_home(tmp_path_factory.mktemp("chaos") / "home").path
