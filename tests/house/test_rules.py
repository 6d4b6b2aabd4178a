"""The house keeps its rules, and each rule can fail."""

from pathlib import Path

import pytest

from tests.house.rules import MAX_FILE_LINES, MAX_FUNCTION_LINES, RULES, Module, module

ROOT = Path(__file__).resolve().parents[2]
MANY_LINES = "\n".join(["    More."] * 99)
DOC = '"""What it is for."""\n'


@pytest.fixture(scope="module")
def house() -> list[Module]:
    paths = [path for package in ("bus", "schemas", "adapters") for path in sorted((ROOT / package).rglob("*.py"))]
    return [module(path.relative_to(ROOT).as_posix(), path.read_text("utf-8")) for path in paths]


@pytest.mark.parametrize("rule", RULES)
def test_the_house_keeps_the_rule(house: list[Module], rule: str) -> None:
    found = [f"{source.path}:{line} {what}" for source in house for line, what in RULES[rule](source)]
    assert found == []


def test_there_is_a_house(house: list[Module]) -> None:
    assert {source.path.parts[0] for source in house} == {"bus", "schemas", "adapters"}


BROKEN = [
    ("pure", "bus/trust/a.py", "def f(p):\n    return open(p)\n"),
    ("pure", "bus/labels/a.py", "def f(p):\n    return p.read_text()\n"),
    ("pure", "bus/fusion/a.py", "import datetime\n\n\ndef f():\n    return datetime.datetime.now()\n"),
    ("pure", "bus/fusion/deep/a.py", "from datetime import date\n\n\ndef f():\n    return date.today()\n"),
    ("pure", "bus/fusion/a.py", "def f(time):\n    return time.time()\n"),
    ("commits", "bus/stages/correlate/a.py", "def f(reader):\n    reader.commit([])\n"),
    ("commits", "bus/client/a.py", "def f(reader):\n    reader.commit([])\n"),
    ("permits", "bus/stages/correlate/a.py", "def f(Permit):\n    return Permit(1)\n"),
    ("permits", "bus/stages/a.py", "import bus.labels as labels\n\n\ndef f():\n    return labels.Permit(1)\n"),
    ("permits", "bus/labels/join.py", "from bus.labels.permits import Permit as Leave\n"),
    ("accepted", "bus/stages/ingest.py", "def f(AcceptedEvent):\n    return AcceptedEvent(1)\n"),
    ("accepted", "bus/stages/a.py", "def f(AcceptedEvent):\n    return AcceptedEvent.model_construct(a=1)\n"),
    ("accepted", "bus/client/a.py", "def f(AcceptedEvent):\n    return AcceptedEvent.model_validate({})\n"),
    ("module_state", "bus/a.py", "seen = {}\n"),
    ("module_state", "bus/a.py", "from collections import defaultdict\n\nseen: dict = defaultdict(list)\n"),
    ("module_state", "schemas/a.py", "SEEN = set()\n\n\ndef f(x):\n    SEEN.add(x)\n"),
    ("module_state", "schemas/a.py", "SEEN = {}\n\n\ndef f(x):\n    SEEN[x] = 1\n"),
    ("module_state", "schemas/a.py", "COUNT = [0]\n\n\ndef f():\n    COUNT[0] += 1\n"),
    ("module_state", "schemas/a.py", "SEEN = {}\n\n\ndef f(x):\n    del SEEN[x]\n"),
    ("module_state", "adapters/a.py", "COUNT = 0\n\n\ndef f():\n    global COUNT\n    COUNT += 1\n"),
    ("swallowed", "bus/a.py", "try:\n    f()\nexcept:\n    raise\n"),
    ("swallowed", "bus/a.py", "try:\n    f()\nexcept Exception:\n    pass\n"),
    ("sizes", "bus/a.py", "x = 1\n" * MAX_FILE_LINES),
    ("sizes", "bus/a.py", "def f():\n" + "    x = 1\n" * MAX_FUNCTION_LINES),
]


@pytest.mark.parametrize(("rule", "path", "text"), BROKEN)
def test_a_rule_can_fail(rule: str, path: str, text: str) -> None:
    assert list(RULES[rule](module(path, DOC + text)))


def test_a_module_without_a_docstring_is_found() -> None:
    assert list(RULES["docstrings"](module("bus/a.py", "X = 1\n")))


KEPT = [
    ("pure", "bus/home/a.py", "def f(p):\n    return p.read_text()\n"),
    ("pure", "bus/fusion/a.py", "def f(now, event):\n    return event.time - now\n"),
    ("commits", "bus/stages/worker.py", "def f(reader):\n    reader.commit([])\n"),
    ("commits", "bus/log/sqlite/reader.py", "def f(file):\n    file.commit()\n"),
    ("permits", "bus/labels/permits.py", "def f(Permit):\n    return Permit(1)\n"),
    ("accepted", "bus/stages/checks/fields.py", "def f(AcceptedEvent):\n    return AcceptedEvent(1)\n"),
    (
        "module_state",
        "bus/a.py",
        "__all__ = ['f']\n_T = {1: 2}\n\n\ndef f(x):\n    seen = []\n    seen.append(_T[x])\n",
    ),
    ("swallowed", "bus/a.py", "try:\n    f()\nexcept KeyError:\n    pass\n"),
    ("sizes", "bus/a.py", f'def f():\n    """One.\n{MANY_LINES}\n    """\n' + "    x = 1\n" * (MAX_FUNCTION_LINES - 1)),
]


@pytest.mark.parametrize(("rule", "path", "text"), KEPT)
def test_a_rule_leaves_good_code_alone(rule: str, path: str, text: str) -> None:
    assert not list(RULES[rule](module(path, DOC + text)))
