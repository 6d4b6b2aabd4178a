"""One rule for the names of agencies and feeds: whatever reads one says the same of it."""

import re
from collections.abc import Callable
from pathlib import Path
from typing import Any, Final

import pytest
from pydantic import TypeAdapter, ValidationError

from bus.errors import Refusal
from bus.home import HomeError
from bus.home.layout import checked_agency
from bus.labels.spelling import AGENCY
from bus.log.topics import TOPIC, UnknownTopicError, topic
from bus.names import NAME
from bus.operate.admission import agency_name
from schemas.models.base import Name
from schemas.models.control import Scope
from schemas.payload import parse_payload_type
from schemas.registry import newest

ROOT: Final = Path(__file__).resolve().parents[2]
GOOD: Final = ("fr", "0-", "a--b", "9a", "a" * 32)
BAD: Final = ("-x", "--", "-a", "a", "", "a" * 33, "A1", "a_b", "a.b", "a/b", "aé", "aa\n", "aa ", "٣٣")


def fits(annotation: Any) -> Callable[[str], bool]:
    adapter: TypeAdapter[str] = TypeAdapter(annotation)

    def judge(name: str) -> bool:
        try:
            adapter.validate_python(name)
        except ValidationError:
            return False
        return True

    return judge


def has_topics(name: str) -> bool:
    try:
        return TOPIC.fullmatch(topic("outbox", name)) is not None
    except UnknownTopicError:
        assert TOPIC.fullmatch(f"outbox.{name}") is None
        return False


def has_folder(name: str) -> bool:
    try:
        checked_agency(name)
    except HomeError:
        return False
    return True


def is_payloads_feed(name: str) -> bool:
    text = f"application/vnd.tocsin.event.v1+avro; schema={newest('event').fingerprint_hex}; feed={name}"
    return not isinstance(parse_payload_type(text), Refusal)


@pytest.mark.parametrize(("name", "is_good"), [*((one, True) for one in GOOD), *((one, False) for one in BAD)])
def test_every_reader_of_a_name_says_the_same(name: str, is_good: bool) -> None:
    found = {
        "schemas": fits(Name)(name),
        "scope": fits(Scope)(name),
        "payload type": is_payloads_feed(name),
        "topics": has_topics(name),
        "home": has_folder(name),
        "label": AGENCY.fullmatch(name) is not None,
        "admission": not isinstance(agency_name(name), Refusal),
    }
    assert found == dict.fromkeys(found, is_good)


def test_the_rule_stands_in_one_place() -> None:
    spelled = re.compile(r"\[a-z0-9-\]\{[12],3[12]\}")
    files = [file for folder in ("bus", "schemas") for file in (ROOT / folder).rglob("*.py")]
    assert [file.name for file in files if spelled.search(file.read_text("utf-8"))] == ["names.py"]
    assert spelled.search(NAME)


def test_names_that_are_nobodys_to_choose_and_lengths_of_time_are_spelled_once() -> None:
    spelled = {"names.py": r'= "(authority|bus|root)"', "units.py": r"\b(86_400_000|3_600_000|60_000)\b"}
    files = [file for folder in ("bus", "schemas", "adapters") for file in (ROOT / folder).rglob("*.py")]
    for home, pattern in spelled.items():
        assert [file.name for file in files if re.search(pattern, file.read_text("utf-8"))] == [home]
