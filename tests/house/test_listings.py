"""The folder listing tells the story: nothing stands at the top that has no place there."""

import re
import tomllib
from pathlib import Path

import pytest

from tests.house.listing import files, machine_paths

ROOT = Path(__file__).resolve().parents[2]
FILES = files(ROOT)
FOLDERS = {"bus", "schemas", "adapters", "deploy", "tests"}
TOP_FILES = {
    *("LICENSE", "README.md", "CHANGELOG.md", "Makefile", "pyproject.toml", "requirements.txt"),
    *(".gitignore", ".gitattributes"),
}
KINDS_OF_TESTS = {
    *("house", "unit", "laws", "contract", "conformance", "integration", "scenario", "chaos", "bench"),
    *("support", "data"),
}


def test_only_known_entries_stand_at_the_top() -> None:
    assert {path.parts[0] for path in FILES} <= FOLDERS | TOP_FILES | {".ci"}


def test_tests_stand_by_their_kind() -> None:
    assert {path.parts[1] for path in FILES if path.parts[0] == "tests" and len(path.parts) > 2} <= KINDS_OF_TESTS


@pytest.mark.parametrize("folder", sorted(FOLDERS))
def test_each_folder_says_what_it_is_for(folder: str) -> None:
    said = (ROOT / folder / "README.md").read_text("utf-8")
    assert said.startswith("# ")
    assert len(said.splitlines()) > 5


def _texts() -> list[tuple[Path, str]]:
    found = []
    for path in FILES:
        if (ROOT / path).is_file():
            data = (ROOT / path).read_bytes()
            if b"\0" not in data[:8192] and not path.name.endswith((".gz", ".bin")):
                found.append((path, data.decode("utf-8", "replace")))
    return found


def test_no_file_names_a_place_of_one_machine() -> None:
    assert {str(path): lines for path, text in _texts() if (lines := machine_paths(text))} == {}


@pytest.mark.parametrize("place", ["work/main/x", "root/.cache", "home/ann/x", "Users/ann/x"])
def test_a_place_of_one_machine_is_found(place: str) -> None:
    assert machine_paths(f"cd /{place}")
    assert not machine_paths(f"cd ./{place} # bus/{place}")


def test_every_pin_has_a_hash_and_no_address() -> None:
    pins = (ROOT / "requirements.txt").read_text("utf-8")
    assert "://" not in pins
    assert "--index" not in pins
    entries = re.split(r"\n(?=[a-z])", pins.strip())
    assert all(re.match(r"[a-z0-9-]+==[\w.]+ ", entry) and "--hash=sha256:" in entry for entry in entries)


def test_everything_asked_for_is_pinned() -> None:
    project = tomllib.loads((ROOT / "pyproject.toml").read_text("utf-8"))
    groups = [entry for group in project["dependency-groups"].values() for entry in group if isinstance(entry, str)]
    asked = project["project"]["dependencies"] + project["project"]["optional-dependencies"]["contract"] + groups
    pinned = set(re.findall(r"^([a-z0-9-]+)==", (ROOT / "requirements.txt").read_text("utf-8"), re.MULTILINE))
    assert {re.split(r"[<>=\[ ]", entry)[0] for entry in asked} <= pinned
