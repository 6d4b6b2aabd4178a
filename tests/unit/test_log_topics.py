"""The topic table."""

import pytest

from bus.errors import UsageError
from bus.log.topics import TABLE, TOPIC, agency_topics, bus_topics, topic
from bus.units import DAY_MS

DOCUMENTED = {
    "submissions.<agency>": ("feed", 14, False, ("<agency>",), ("ingest",)),
    "events": ("digest", 460, False, ("ingest",), ("correlate", "audit")),
    "control": ("kind", None, False, ("ingest",), ("stages", "agencies")),
    "outbox.<agency>": ("alert or event id", 120, False, ("correlate",), ("<agency>",)),
    "delivered.<agency>": ("record or alert id; head", None, True, ("correlate",), ("correlate", "<agency>")),
    "receipts.<agency>": ("kind/feed/id; raw/<sha256>", 460, False, ("ingest",), ("<agency>", "ingest")),
    "rejected.<agency>": ("", 90, False, ("ingest",), ("<agency>", "operators")),
    "audit": ("agency", None, False, ("stages",), ("auditors",)),
}


def test_the_table_is_the_documented_one() -> None:
    found = {
        spec.name: (
            spec.key,
            None if spec.retention_ms is None else spec.retention_ms / DAY_MS,
            spec.compacted,
            spec.writes,
            spec.reads,
        )
        for spec in TABLE
    }
    assert found == DOCUMENTED


def test_what_a_stage_follows_is_kept_for_it_and_its_memory_lives_as_long_as_the_events() -> None:
    by_name = {spec.name: spec for spec in TABLE}
    assert {name for name, spec in by_name.items() if spec.followed} == {"submissions.<agency>", "events"}
    assert by_name["receipts.<agency>"].retention_ms == by_name["events"].retention_ms


def test_an_agencys_topics_are_its_own() -> None:
    met, meteo = agency_topics("met"), agency_topics("meteo")
    assert [spec.name for spec in met] == [
        "submissions.met",
        "outbox.met",
        "delivered.met",
        "receipts.met",
        "rejected.met",
    ]
    assert met[0].writes == ("met",)
    assert met[3].reads == ("met", "ingest")
    assert {spec.name for spec in bus_topics()} == {"events", "control", "audit"}
    names = [spec.name for spec in (*met, *meteo, *bus_topics())]
    assert len(set(names)) == len(names) == 13
    assert all(TOPIC.fullmatch(name) for name in names)


def test_topic_spells_names() -> None:
    assert topic("outbox", "fra") == "outbox.fra"
    assert topic("events") == "events"


@pytest.mark.parametrize(
    ("kind", "agency"),
    [
        ("outbox", None),
        ("events", "fra"),
        ("inbox", "fra"),
        ("outbox", "x"),
        ("outbox", "FRA"),
        ("outbox", "fra.deu"),
        ("outbox", "fra\n"),
        ("outbox", "a" * 33),
        ("outbox", ""),
    ],
)
def test_a_name_that_the_table_does_not_have_is_refused(kind: str, agency: str | None) -> None:
    with pytest.raises(UsageError):
        topic(kind, agency)


def test_no_agency_of_a_bad_name_gets_topics() -> None:
    with pytest.raises(UsageError):
        agency_topics("../etc")
