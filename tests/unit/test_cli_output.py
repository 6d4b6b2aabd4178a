"""What a command says: results on stdout, all else on stderr, JSON that any parser reads."""

import io
import json
from enum import StrEnum

import pytest

from bus.cli.output import Output, moment
from bus.errors import Reason, refuse


class Colour(StrEnum):
    RED = "RED"


def output(*, as_json: bool = False) -> Output:
    return Output(as_json=as_json, out=io.StringIO(), err=io.StringIO())


def said(stream: object) -> str:
    assert isinstance(stream, io.StringIO)
    return stream.getvalue()


def test_json_is_ascii_and_holds_bytes_enums_and_sets() -> None:
    done = output(as_json=True)
    done.document({"bytes": b"\x01\xff", "enum": Colour.RED, "set": frozenset("ba"), "text": "الفاشر\x1b"})
    text = said(done.out)
    assert text.isascii()
    assert json.loads(text) == {"bytes": "01ff", "enum": "RED", "set": ["a", "b"], "text": "الفاشر\x1b"}


def test_what_has_no_json_is_an_error_and_not_a_guess() -> None:
    with pytest.raises(TypeError, match="object has no JSON"):
        output().item({"x": object()})
    with pytest.raises(ValueError, match="not JSON compliant"):
        output().item({"x": float("nan")})


def test_a_list_is_one_document_a_line() -> None:
    done = output(as_json=True)
    done.item({"a": "two\nlines"})
    done.item({"b": 2})
    assert [json.loads(line) for line in said(done.out).splitlines()] == [{"a": "two\nlines"}, {"b": 2}]


def test_columns_line_up_whatever_stands_in_them() -> None:
    done = output()
    done.table(["NAME", "PLACE", "N"], [("a", "東京", 1), ("long", "x\x1b[31m", None), ("b", ("p", "q"), True)])
    assert said(done.out).splitlines() == [
        "NAME  PLACE      N",
        "a     東京       1",
        "long  x\\x1b[31m  -",
        "b     p, q       yes",
    ]


def test_a_refusal_says_reason_place_expectation_and_remedy_on_stderr() -> None:
    done = output()
    done.refused("row 3", refuse(Reason.BAD_LABEL, "label", "a label"))
    assert said(done.out) == ""
    first, second = said(done.err).splitlines()
    assert first == "row 3: BAD_LABEL at label: expected a label"
    assert "label show" in second


def test_progress_shows_on_a_terminal_only() -> None:
    done = output()
    done.progress("half")
    assert said(done.err) == ""

    class Terminal(io.StringIO):
        def isatty(self) -> bool:
            return True

    terminal = Output(as_json=False, out=io.StringIO(), err=Terminal())
    terminal.progress("half")
    assert "half" in said(terminal.err)


def test_times_are_utc() -> None:
    assert moment(0) == "1970-01-01 00:00:00Z"
    assert moment(None) == "-"
