"""Text of partners on a screen: nothing in it steers the terminal, and no script is harmed."""

import unicodedata

import pytest
from hypothesis import given
from hypothesis import strategies as st

from bus.cli.shown import safe, width

ISOLATE, POP = "\u2068", "\u2069"


@pytest.mark.parametrize(
    ("raw", "shown"),
    [
        ("\x1b[2J\x1b]0;pwned\x07", "\\x1b[2J\\x1b]0;pwned\\x07"),
        ("first\nsecond\r\ttab", "first\\x0asecond\\x0d\\x09tab"),
        ("\x9b31m", "\\x9b31m"),
        ("user\u202egnp.exe", "user\\u202egnp.exe"),
        ("a\u2066b\u2069\u200fc", "a\\u2066b\\u2069\\u200fc"),
        ("zero\u200bwidth\ufeff", "zero\\u200bwidth\\ufeff"),
        ("line\u2028paragraph\u2029", "line\\u2028paragraph\\u2029"),
        ("tag\U000e0041", "tag\\U000e0041"),
        ("lone\ud800", "lone\\ud800"),
        ("plain ASCII, quotes ' and \\", "plain ASCII, quotes ' and \\"),
        ("Côte d'Ivoire, 東京, Київ", "Côte d'Ivoire, 東京, Київ"),
    ],
)
def test_what_is_not_seen_becomes_an_escape(raw: str, shown: str) -> None:
    assert safe(raw) == shown


@pytest.mark.parametrize("text", ["الفاشر", "ירושלים", "می‌خواهم", "क्‍ष"])
def test_other_scripts_are_unharmed(text: str) -> None:
    shown = safe(text)
    assert shown.strip(ISOLATE + POP) == text
    is_right_to_left = unicodedata.bidirectional(text[0]) in {"R", "AL"}
    assert (shown.startswith(ISOLATE) and shown.endswith(POP)) is is_right_to_left


@given(st.text(st.characters(codec=None), max_size=40))
def test_no_text_holds_anything_hidden_afterwards(text: str) -> None:
    shown = safe(text)
    inner = shown[1:-1] if shown.startswith(ISOLATE) else shown
    assert all(unicodedata.category(one) not in {"Cc", "Cs", "Co", "Cn", "Zl", "Zp"} for one in inner)
    assert all(one in "\u200c\u200d" for one in inner if unicodedata.category(one) == "Cf")


def test_wide_characters_take_two_columns_and_marks_none() -> None:
    assert width("東京") == 4
    assert width("e\u0301") == 1
    assert width(safe("الفاشر")) == 6
