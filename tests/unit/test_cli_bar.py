"""The progress bar: on a terminal only, in one line, and gone afterwards."""

import io

import pytest

from bus.cli import bar as module
from bus.cli.bar import bar
from bus.cli.output import Output


class Terminal(io.StringIO):
    """A stream that says that it is one."""

    def isatty(self) -> bool:
        return True


def shown(err: io.StringIO) -> str:
    with bar(Output(as_json=False, out=io.StringIO(), err=err)) as progress:
        for done in range(1, 101):
            progress("signatures", done, 100)
        progress("nothing to do", 0, 0)
    return err.getvalue()


def test_it_is_drawn_in_one_line_and_wiped(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module, "_PAUSE_S", 0.0)
    text = shown(Terminal())
    assert "\n" not in text
    assert "[############            ]  50% signatures" in text
    assert "[########################] 100% nothing to do" in text
    assert text.endswith("\r\x1b[K")


def test_it_is_drawn_now_and_then_only() -> None:
    assert 2 <= shown(Terminal()).count("signatures") < 50


def test_nothing_of_it_reaches_a_file() -> None:
    assert shown(io.StringIO()) == ""
