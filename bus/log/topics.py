"""The topic table: the only source of topic names, keys and retention (events.md, "Topics").

From it come creation, access rights, deployment manifests and documentation. All but `events`, `control` and `audit`
are one per agency, so that no position counts another's records.
"""

import re
from dataclasses import dataclass, replace
from functools import lru_cache
from typing import Final

from bus.errors import UsageError
from bus.names import IN_WORDS, NAME
from bus.units import DAY_MS

_PLACE: Final = ".<agency>"
_AGENCY: Final = re.compile(NAME)
TOPIC: Final = re.compile(rf"[a-z]+(\.{NAME})?")


class UnknownTopicError(UsageError):
    """The topic table has no such topic."""


@dataclass(frozen=True, slots=True)
class TopicSpec:
    """One topic, or, with `<agency>` in its name, one per agency.

    `retention_ms` None keeps forever. `followed`: a stage reads it under a cursor, which retention never passes, not
    even before the first commit.
    """

    name: str
    key: str
    retention_ms: int | None
    writes: tuple[str, ...]
    reads: tuple[str, ...]
    compacted: bool = False
    followed: bool = False

    @property
    def per_agency(self) -> bool:
        """Whether there is one for each agency."""
        return self.name.endswith(_PLACE)


# Receipts are ingest's memory against repeats, so they live as long as `events`; the margin is the age at which a
# submission is TOO_OLD (60 days): what is forgotten can't come again.
EVENTS_MS: Final = (400 + 60) * DAY_MS

# An alert's bytes stand in outboxes only. The bus remembers what closed for 90 days, and a story closes 14 days after
# its last new member, when its bytes changed last: so long a reader's fresh start asks for them. The margin is for a
# bus that stood still in between (bus/decisions/outbox-retention.md).
OUTBOX_MS: Final = (90 + 14 + 16) * DAY_MS

TABLE: Final[tuple[TopicSpec, ...]] = (
    TopicSpec("submissions.<agency>", "feed", 14 * DAY_MS, ("<agency>",), ("ingest",), followed=True),
    TopicSpec("events", "digest", EVENTS_MS, ("ingest",), ("correlate", "audit"), followed=True),
    TopicSpec("control", "kind", None, ("ingest",), ("stages", "agencies")),
    TopicSpec("outbox.<agency>", "alert or event id", OUTBOX_MS, ("correlate",), ("<agency>",)),
    TopicSpec(
        "delivered.<agency>",
        "record or alert id; head",
        None,
        ("correlate",),
        ("correlate", "<agency>"),
        compacted=True,
    ),
    TopicSpec("receipts.<agency>", "kind/feed/id; raw/<sha256>", EVENTS_MS, ("ingest",), ("<agency>", "ingest")),
    TopicSpec("rejected.<agency>", "", 90 * DAY_MS, ("ingest",), ("<agency>", "operators")),
    TopicSpec("audit", "agency", None, ("stages",), ("auditors",)),
)


@lru_cache(maxsize=16_384)
def topic(kind: str, agency: str | None = None) -> str:
    """The name of a topic: `topic("outbox", "fra")` is `outbox.fra`, `topic("events")` is `events`."""
    pattern = kind if agency is None else kind + _PLACE
    if not any(spec.name == pattern for spec in TABLE):
        raise UnknownTopicError(f"the topic table has no {pattern}", f"It has {', '.join(s.name for s in TABLE)}.")
    return kind if agency is None else f"{kind}.{_checked(agency)}"


def agency_topics(agency: str) -> tuple[TopicSpec, ...]:
    """The topics of one agency."""
    _checked(agency)
    return tuple(
        replace(
            spec,
            name=spec.name.replace("<agency>", agency),
            writes=tuple(agency if who == "<agency>" else who for who in spec.writes),
            reads=tuple(agency if who == "<agency>" else who for who in spec.reads),
        )
        for spec in TABLE
        if spec.per_agency
    )


def bus_topics() -> tuple[TopicSpec, ...]:
    """The topics of which there is one."""
    return tuple(spec for spec in TABLE if not spec.per_agency)


def _checked(agency: str) -> str:
    if _AGENCY.fullmatch(agency) is None:
        raise UnknownTopicError("this is no agency's name", f"A name is {IN_WORDS}.")
    return agency
