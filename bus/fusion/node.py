"""An event as fusion sees it: what matching, confidence and the alert need, and nothing else.

Open events are held by the hundred thousand, so strings, tuples and sets that many events share are held once, and a
text is held as a digest and a sketch of its n-grams.
"""

from collections.abc import Hashable, Mapping, Sequence
from functools import lru_cache
from sys import intern
from typing import Any, Final, NamedTuple, TypeVar

from bus.fusion import text
from bus.labels import Label
from bus.units import DAY_MS
from schemas.models import Parameters
from schemas.models.parameters import Gate

EXPECTED: Final = "EXPECTED"
ENGLISH: Final = "en"
UNDETERMINED: Final = "und"

Key = tuple[str, str, str]
"""(agency, feed, id)."""
Count = tuple[str, str | None, str, str, int | None, int | None, int | None]
"""(what, of, unit, basis, low, best, high)."""

T = TypeVar("T", bound=Hashable)


class Source(NamedTuple):
    """How an event is known; what most events of a feed have in common, held once for all of them."""

    attribution: str | None
    claims: str
    discipline: str
    reliability: str | None
    credibility: int | None
    part_of: tuple[str, ...]


class Node(NamedTuple):
    """One event. Times are UTC ms, places WGS-84 degrees and km; enumerations are their spellings."""

    key: Key
    digest: bytes
    revision: int
    accepted_at: int
    first_at: int
    label: Label
    curated: bool
    nature: str
    codes: tuple[str, ...]
    """The type first, then the further ones."""
    start: int | None
    end: int | None
    window_ms: int | None
    """The window of the type; None: it is never clustered."""
    lat: float | None
    lon: float | None
    uncertainty_km: float | None
    sigma_km: float
    """Standard deviation of the place, by administrative level where no uncertainty is stated."""
    countries: tuple[str, ...]
    where_name: str | None
    sectors: frozenset[str]
    actors: frozenset[str]
    """Names and codes of those who are named."""
    counts: tuple[Count, ...]
    language: str | None
    """The primary subtag of the text's language; None: no text."""
    text_digest: bytes | None
    grams: bytes
    derived_from: tuple[str, ...]
    origin: str | None
    media: tuple[bytes, ...]
    reported_at: int | None
    source: Source

    @property
    def record(self) -> str | None:
        """The public record that this is: two events with the same one are one incident told twice."""
        return self.derived_from[0] if self.derived_from else None

    @classmethod
    def from_event(  # noqa: PLR0913 - what the bus knows of an event beside its content
        cls,
        header: Mapping[str, Any],
        body: Mapping[str, Any],
        *,
        digest: bytes,
        accepted_at: int,
        first_at: int,
        label: Label,
        curated: bool,
        parameters: Parameters,
        key: Key | None = None,
    ) -> "Node":
        """The node of a decoded event; place, window and text are read by the parameters in force.

        `key`: the identity that the header says, where it is held already.
        """
        nature = intern(body["nature"])
        when = body["when"] or _NEVER
        window_ms = None if when is _NEVER else _window_ms(nature, body["type"], parameters.gate)
        return cls._make(
            (
                key or (intern(header["agency"]), intern(header["feed"]), header["id"]),
                digest,
                header["revision"],
                accepted_at,
                accepted_at if first_at == accepted_at else first_at,
                label,
                curated,
                nature,
                _shared(tuple(dict.fromkeys((body["type"], *body["also"])))),
                _shared_time(when["start"]),
                _shared_time(when["end"]),
                window_ms,
                *_place(body["where"], parameters.gate),
                _shared(frozenset(body["sectors"])),
                _shared(frozenset(_names(body["actors"]))),
                _shared(tuple([_count(count) for count in body["counts"]])),
                *_text(body["texts"], parameters.score.gram_words),
                *_origin(body),
                _shared(_source(body)),
            )
        )


_NEVER: Final[Mapping[str, None]] = {"start": None, "end": None}


def by_key(node: Node) -> tuple[str, str, str]:
    """The order in which nothing depends on arrival."""
    return node.key


@lru_cache(maxsize=4096, typed=True)
def _shared(value: T) -> T:
    """The value as it was first met, so that equal ones are held once; never -0.0, which equals 0.0."""
    return value


@lru_cache(maxsize=4096)
def _shared_time(time_ms: int | None) -> int | None:
    """The time as it was first met: most are told by the day."""
    return time_ms


def _interned(value: str | None) -> str | None:
    return None if value is None else intern(value)


def _place(
    where: Mapping[str, Any], gate: Gate
) -> tuple[float | None, float | None, float | None, float, tuple[str, ...], str | None]:
    """The fields from `lat` to `where_name`."""
    uncertainty_km = where["uncertainty_km"]
    return (
        where["lat"],
        where["lon"],
        None if uncertainty_km is None else _shared(uncertainty_km + 0.0),
        _shared(_sigma_km(uncertainty_km, where["admin"], gate)),
        _shared(tuple(where["countries"])),
        _interned(where["name"]),
    )


def _text(texts: Sequence[Mapping[str, Any]], gram_words: int) -> tuple[str | None, bytes | None, bytes]:
    """The fields from `language` to `grams`."""
    language, words = _telling(texts)
    if not words:
        return None, None, b""
    return language, text.digest(words), text.sketch(words, gram_words)


def _origin(body: Mapping[str, Any]) -> tuple[tuple[str, ...], str | None, tuple[bytes, ...], int | None]:
    """The fields from `derived_from` to `reported_at`."""
    source = body["source"]
    return (
        tuple(source["derived_from"]),
        _interned(source["origin"]),
        tuple([bytes.fromhex(medium["sha256"]) for medium in body["media"]]),
        _shared_time(source["reported_at"]),
    )


def _source(body: Mapping[str, Any]) -> Source:
    source = body["source"]
    return Source(
        _interned(source["attribution"]),
        intern(source["claims"]),
        intern(source["discipline"]),
        _interned(source["reliability"]),
        source["credibility"],
        tuple(body["part_of"]),
    )


def _window_ms(nature: str, code: str, gate: Gate) -> int | None:
    """The window of a type; where its root has none, it is never clustered."""
    days = gate.window_days.get(code.partition(".")[0])
    if days is None:
        return None
    window_ms: int = _shared(round((gate.expected_window_days if nature == EXPECTED else days) * DAY_MS))
    return window_ms


def _sigma_km(uncertainty_km: float | None, admin: Sequence[Mapping[str, Any]], gate: Gate) -> float:
    if uncertainty_km is not None:
        return uncertainty_km * gate.sigma_per_uncertainty
    unknown = gate.unknown_sigma_km
    finest = max((area["level"] for area in admin), default=0)
    by_level = (unknown.otherwise, unknown.admin_1, unknown.admin_2, unknown.admin_3)
    return by_level[min(finest, len(by_level) - 1)]


def _names(actors: Sequence[Mapping[str, Any]]) -> list[str]:
    """Who is named; a mere class of actors fits too many incidents to tell them apart."""
    names = [" ".join(actor["name"].casefold().split()) for actor in actors if actor["name"]]
    codes = [f"{actor['scheme'] or ''}:{actor['code']}" for actor in actors if actor["code"]]
    return [intern(name) for name in (*names, *codes)]


def _count(count: Mapping[str, Any]) -> Count:
    return (
        intern(count["what"]),
        _interned(count["of"]),
        intern(count["unit"]),
        intern(count["basis"]),
        count["low"],
        count["best"],
        count["high"],
    )


def _telling(texts: Sequence[Mapping[str, Any]]) -> tuple[str | None, list[str]]:
    """The text to compare, with its language: the English one, else the first by language tag.

    Of one language it takes all texts: which of them is a headline is the format's habit.
    """
    by_language: dict[str, list[str]] = {}
    for version in texts:
        parts = [part for part in (version["headline"], version["description"]) if part]
        by_language.setdefault(version["language"].partition("-")[0].lower(), []).extend(parts)
    told = {language: found for language, parts in by_language.items() if (found := text.words(" ".join(parts)))}
    if not told:
        return None, []
    language = ENGLISH if ENGLISH in told else min(told)
    return intern(language), told[language]
