"""What tests of commands begin with: a bus that two agencies have joined, and a copy of it for each test alone.

A module whose tests need another bus overrides `founded`. And no law is judged by the clock: on a shared machine any
example, or the first character that Hypothesis draws, may take its time.
"""

from pathlib import Path

import pytest
from hypothesis import HealthCheck, settings

from tests.support.command_line import Tocsin

settings.register_profile("house", deadline=None, suppress_health_check=[HealthCheck.too_slow])
settings.load_profile("house")


@pytest.fixture(scope="session")
def founded(tmp_path_factory: pytest.TempPathFactory) -> Tocsin:
    bus = Tocsin(tmp_path_factory.mktemp("founded") / "home")
    bus.ok("init", "--agency", "alpha", "--agency", "beta")
    return bus


@pytest.fixture
def tocsin(founded: Tocsin, tmp_path: Path) -> Tocsin:
    return founded.copy(tmp_path)
