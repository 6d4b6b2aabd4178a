"""Rooms import only what the architecture draws, and each contract of import-linter can fail."""

import re
import subprocess
import sys
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]

EMPTY_ROOMS = (
    *("bus/cli", "bus/demo", "bus/exercise", "bus/client", "bus/operate", "bus/stages", "bus/home", "bus/fusion"),
    *("bus/trust", "bus/labels", "bus/log", "schemas", "adapters"),
)
EMPTY_FILES = (
    "bus/__init__.py",
    "bus/errors.py",
    "bus/clock.py",
    "bus/names.py",
    "bus/units.py",
    "bus/config.py",
    "bus/metrics.py",
)
# One forbidden import per contract: the file, and what it says.
PLANTED = {
    "layers": ("bus/labels/planted.py", "import bus.trust\n"),
    "fusion": ("bus/fusion/planted.py", "import adapters\n"),
    "log": ("bus/log/planted.py", "import schemas\n"),
    "pure": ("bus/trust/planted.py", "from os import path\n"),
    "adapters": ("adapters/planted.py", "import socket\n"),
}


PROGRAM = """
import sys
from importlinter.cli import lint_imports
sys.exit(lint_imports(sys.argv[1], no_cache=True, no_logo=True))
"""


def _lint(folder: Path) -> tuple[int, str]:
    """Run import-linter with the project's contracts on the packages that stand in a folder."""
    command = [sys.executable, "-c", PROGRAM, str(ROOT / "pyproject.toml")]
    done = subprocess.run(command, cwd=folder, capture_output=True, text=True, check=False)
    return done.returncode, done.stdout + done.stderr


def _empty_house(folder: Path) -> Path:
    for room in EMPTY_ROOMS:
        (folder / room).mkdir(parents=True)
        (folder / room / "__init__.py").touch()
    for file in EMPTY_FILES:
        (folder / file).touch()
    return folder


def test_rooms_import_only_what_the_architecture_draws() -> None:
    status, said = _lint(ROOT)
    assert status == 0, said


def test_an_empty_house_keeps_every_contract(tmp_path: Path) -> None:
    status, said = _lint(_empty_house(tmp_path))
    assert status == 0, said


def test_every_contract_can_fail(tmp_path: Path) -> None:
    house = _empty_house(tmp_path)
    for path, text in PLANTED.values():
        (house / path).write_text(text)
    status, said = _lint(house)
    assert status == 1, said
    assert f"Contracts: 0 kept, {len(PLANTED)} broken." in said
    assert set(re.findall(r'^id = "(\w+)"', (ROOT / "pyproject.toml").read_text("utf-8"), re.MULTILINE)) == set(PLANTED)
