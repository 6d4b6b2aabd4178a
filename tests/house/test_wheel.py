"""What is installed is whole: an editable install hides what a wheel forgets."""

import subprocess
import sys
import zipfile
from pathlib import Path

import pytest

from tests.house.listing import files

ROOT = Path(__file__).resolve().parents[2]
PACKAGES = ("bus", "schemas", "adapters")
USE = "import bus, schemas.registry as r; print(bus.__file__); print(r.newest('event').kind)"


@pytest.fixture(scope="module")
def installed(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The wheel, built and unpacked."""
    folder = tmp_path_factory.mktemp("wheel")
    command = [sys.executable, "-m", "hatchling", "build", "-t", "wheel", "-d", str(folder)]
    subprocess.run(command, cwd=ROOT, check=True, capture_output=True)
    with zipfile.ZipFile(next(folder.glob("tocsin-*.whl"))) as wheel:
        wheel.extractall(folder / "unpacked")
    return folder / "unpacked"


def test_the_wheel_holds_every_file_of_the_packages(installed: Path) -> None:
    ours = [path for path in files(ROOT) if path.parts[0] in PACKAGES and (ROOT / path).exists()]
    assert [str(path) for path in ours if not (installed / path).is_file()] == []


def test_the_wheel_works_without_the_repository(installed: Path) -> None:
    done = subprocess.run(
        [sys.executable, "-P", "-c", USE],
        cwd=installed,
        env={"PYTHONPATH": str(installed)},
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.stdout.split() == [str(installed / "bus" / "__init__.py"), "event"], done.stderr


def test_the_wheel_names_the_command_and_the_adapters(installed: Path) -> None:
    said = next(installed.glob("tocsin-*.dist-info")).joinpath("entry_points.txt").read_text("utf-8")
    assert "tocsin = bus.cli:main" in said
    assert "cap = adapters.cap:ADAPTER" in said
    assert "ucdp_ged = adapters.ucdp_ged:ADAPTER" in said
    assert "table = adapters.table:ADAPTER" in said
