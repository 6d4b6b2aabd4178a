"""The reference says what the code says."""

import re
from pathlib import Path

from bus.cli.parser import build
from bus.cli.reference import actions, commands, reference
from bus.config import NOT_SETTINGS, PREFIX, Settings, load
from bus.errors import Reason
from bus.log.topics import TABLE
from bus.metrics import TABLE as METRICS

ROOT = Path(__file__).resolve().parents[2]
PAGE = (ROOT / "bus" / "reference.md").read_text("utf-8")


def test_the_page_is_what_the_code_makes() -> None:
    assert reference() == PAGE, "write it anew: python -m bus.cli.reference > bus/reference.md"


def test_the_page_names_everything() -> None:
    for name in (*Reason, *(one.name for one in TABLE), *Settings.__slots__):
        assert f"`{name}`" in PAGE, name
    for metric in METRICS:
        assert f"`tocsin_{metric.name}`" in PAGE
    for name, parser in commands(build()):
        assert f"### `tocsin {name}" in PAGE
        for action in actions(parser):
            assert not action.option_strings or action.option_strings[-1] in PAGE


def test_every_command_that_is_named_anywhere_is_one() -> None:
    """In advice, docstrings and pages: `tocsin` and what stands after it up to the first word that is no name."""
    known = {tuple(name.split()) for name, _ in commands(build())}
    groups = {name[:1] for name in known if len(name) > 1}
    wrong, seen = [], 0
    for path in (ROOT / folder for folder in ("README.md", "bus", "schemas", "adapters", "tests")):
        for file in [path] if path.is_file() else sorted((*path.rglob("*.py"), *path.rglob("*.md"))):
            for first, second in re.findall(r"`tocsin ([a-z][a-z-]*)(?: ([a-z][a-z-]*))?", file.read_text("utf-8")):
                seen += 1
                is_command = (first,) in known or (first, second) in known
                if not is_command and not ((first,) in groups and not second):
                    wrong.append(f"{file.relative_to(ROOT)}: tocsin {first} {second}")
    assert wrong == []
    assert seen > 100, "they are found"


def test_each_setting_is_read_from_the_environment_by_the_name_on_the_page() -> None:
    for name in re.findall(r"^\| `([a-z_]+)` \| ", PAGE.split("## Settings")[1].split("## Topics")[0], re.MULTILINE):
        default = getattr(Settings(), name)
        assert getattr(load(None, {f"{PREFIX}{name.upper()}": str(default)}), name) == default
    assert {"TOCSIN_HOME"} <= NOT_SETTINGS


def test_the_readme_of_the_room_and_of_the_project_lead_here() -> None:
    assert "bus/reference.md" in (ROOT / "README.md").read_text("utf-8")
    assert "reference.md" in (ROOT / "bus" / "README.md").read_text("utf-8")


def test_the_commands_that_show_without_verifying_say_so() -> None:
    helps = {name: parser.description or "" for name, parser in commands(build())}
    for name in ("events ls", "events show", "alerts ls"):
        assert "no signature is judged (see verify)" in helps[name], name
    assert helps["verify"].startswith("Check every signature")
