"""Normal form and likeness of texts."""

import pytest

from bus.fusion.text import MOST_GRAMS, digest, jaccard, sketch, words

LONG = [f"word{number}" for number in range(400)]


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("Shots, at the WELL!", ["shots", "at", "the", "well"]),
        ("Café Zürich", ["cafe", "zurich"]),
        ("snake_case 3.5km", ["snake", "case", "3", "5km"]),
        ("北京", ["北", "京"]),
        (" -- ", []),
    ],
)
def test_words_are_without_case_accents_and_punctuation(text: str, expected: list[str]) -> None:
    assert words(text) == expected


def test_equal_words_have_one_digest_and_other_order_another() -> None:
    assert digest(words("Shots at the well.")) == digest(words("shots at the  WELL"))
    assert digest(["a", "b"]) != digest(["b", "a"])


def test_jaccard_of_short_texts_is_exact() -> None:
    a, b = sketch(["a", "b", "c", "d", "e"], 3), sketch(["a", "b", "c", "d", "f"], 3)
    assert jaccard(a, b) == jaccard(b, a) == pytest.approx(2 / 4)
    assert jaccard(a, a) == 1.0
    assert jaccard(a, sketch(["v", "w", "x", "y", "z"], 3)) == 0.0


def test_a_text_shorter_than_a_gram_is_one_gram() -> None:
    assert len(sketch(["a"], 3)) == 4
    assert jaccard(sketch(["a"], 3), sketch(["a", "b"], 3)) == 0.0


def test_long_texts_are_kept_short_and_estimated_well() -> None:
    whole, edited = sketch(LONG, 3), sketch([*LONG[:300], *(f"other{n}" for n in range(100))], 3)
    assert len(whole) == 4 * MOST_GRAMS
    assert jaccard(whole, edited) == jaccard(edited, whole)
    assert jaccard(whole, edited) == pytest.approx(298 / 498, abs=0.2)
