"""What tests of commands begin with: a bus that two agencies have joined, and a copy of it for each test alone.

A module whose tests need another bus overrides `founded`.
"""

from pathlib import Path

import pytest

from tests.support.command_line import Tocsin


@pytest.fixture(scope="session")
def founded(tmp_path_factory: pytest.TempPathFactory) -> Tocsin:
    bus = Tocsin(tmp_path_factory.mktemp("founded") / "home")
    bus.ok("init", "--agency", "alpha", "--agency", "beta")
    return bus


@pytest.fixture
def tocsin(founded: Tocsin, tmp_path: Path) -> Tocsin:
    return founded.copy(tmp_path)
