"""A policy: ordered levels, tags, groups and rules of validity, as data that the authority signs.

What is refused here keeps `join` associative also in whether it exists: a requirement can't be lost by joining (joins
only add), and what a level excludes all lower levels must exclude too, so that no order of joining passes an invalid
label on the way to a valid one.
"""

import tomllib
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, date, datetime
from enum import StrEnum
from itertools import pairwise
from types import MappingProxyType
from typing import Annotated, Literal

from pydantic import BaseModel, ConfigDict, Field, StringConstraints, ValidationError

from bus.errors import Reason, Refusal, refuse
from bus.labels.groups import Groups, Member
from bus.labels.spelling import NO_RELEASE, PUBLIC, Clauses

NEEDS_AUDIENCE = "AUDIENCE"
NEEDS_RECIPIENTS = "RECIPIENTS"


class TagKind(StrEnum):
    """What a tag does: RESTRICTIVE a reader must hold all (NEED), PERMISSIVE one of a clause (REL TO).

    INFORMATIVE binds the reader (CONTROL).
    """

    RESTRICTIVE = "RESTRICTIVE"
    PERMISSIVE = "PERMISSIVE"
    INFORMATIVE = "INFORMATIVE"


@dataclass(frozen=True, slots=True)
class Level:
    """One level: its rank, what a label there must and must not have, and the release of one that states none.

    `default_release` None: its author alone.
    """

    name: str
    rank: int
    default_release: Clauses | None
    requires: frozenset[str]
    excludes: frozenset[str]


@dataclass(frozen=True, slots=True, eq=False)
class Policy:
    """A policy in force.

    Immutable, compared by identity; `version` is the data's own, the control record carries the bus's.
    """

    id: str
    title: str
    version: int
    levels: Mapping[str, Level]
    need: frozenset[str]
    controls: frozenset[str]
    audiences: frozenset[str] | None
    named: frozenset[str]
    """Audiences that it names itself, as tags or as members of groups: all there are, unless others are open."""
    groups: Groups
    single: tuple[frozenset[str], ...]

    @classmethod
    def from_toml(cls, text: str) -> "Policy | Refusal":
        """Read a policy's file; any unknown key, word or contradiction refuses all of it."""
        try:
            file = _File.model_validate(tomllib.loads(text))
        except RecursionError:
            return refuse(Reason.BAD_FIELD, "policy", "TOML that is not nested so deep")
        except ValidationError as wrong:
            first = wrong.errors(include_input=False, include_url=False)[0]
            return refuse(Reason.BAD_FIELD, "policy." + ".".join(str(step) for step in first["loc"]), first["msg"])
        except ValueError:  # tomllib's own, and the interpreter's for a number of thousands of digits
            return refuse(Reason.BAD_FIELD, "policy", "well-formed TOML")
        problem = _contradiction(file)
        return refuse(Reason.BAD_FIELD, "policy." + problem[0], problem[1]) if problem else _compile(file)

    def names_group(self, clauses: Clauses) -> bool:
        """Whether a clause still holds a group's name, which a signed label must not."""
        return any(not clause.isdisjoint(self.groups) for clause in clauses)


_Token = Annotated[str, StringConstraints(pattern=r"\A[A-Z][A-Z0-9-]{1,31}\z")]
_Audience = Annotated[str, StringConstraints(pattern=r"\A[A-Z0-9][A-Z0-9-]{1,31}\z")]
_LevelName = Annotated[str, StringConstraints(pattern=r"\A[A-Z][A-Z0-9+-]{1,31}\z")]


class _Strict(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True, strict=True)


class _LevelFile(_Strict):
    name: _LevelName
    default_release: Literal["PUBLIC", "NONE", "ORIGIN"] | list[list[_Audience]]
    requires: list[_Token] = []
    excludes: list[_Token] = []


class _MemberFile(_Strict):
    since: date | None = Field(default=None, alias="from")
    until: date | None = None


class _File(_Strict):
    id: _Token
    title: str
    version: int = Field(ge=1)
    open_audiences: bool
    levels: list[_LevelFile] = Field(min_length=1)
    tags: dict[_Token, Literal["RESTRICTIVE", "PERMISSIVE", "INFORMATIVE"]] = {}
    groups: dict[_Audience, dict[_Audience, _MemberFile]] = {}
    single: list[list[_Token]] = []


def _contradiction(file: _File) -> tuple[str, str] | None:
    """The first place where the file contradicts itself, and what was expected there."""
    words = {NEEDS_AUDIENCE, NEEDS_RECIPIENTS, *(name for name, kind in file.tags.items() if kind != "PERMISSIVE")}
    names = [level.name for level in file.levels]
    used = {word for level in file.levels for word in (*level.requires, *level.excludes)} | {
        tag for group in file.single for tag in group
    }
    checks = (
        (len(set(names)) == len(names), "levels", "each level once"),
        (
            used <= words,
            "levels",
            "requires, excludes and single to name AUDIENCE, RECIPIENTS or a tag that is not PERMISSIVE",
        ),
        (_downward(file.levels), "levels", "what a level excludes to be excluded by every lower level too"),
        (
            words.isdisjoint(file.groups) and file.tags.keys().isdisjoint(file.groups),
            "groups",
            "no group with the name of a tag",
        ),
        (
            not any(m in file.groups for group in file.groups.values() for m in group),
            "groups",
            "members, not groups of groups",
        ),
        (
            all(not set(level.requires) & set(level.excludes) for level in file.levels),
            "levels",
            "nothing both required and excluded",
        ),
    )
    return next(((place, expected) for holds, place, expected in checks if not holds), None)


def _downward(levels: list[_LevelFile]) -> bool:
    return all(set(higher.excludes) <= set(lower.excludes) for lower, higher in pairwise(levels))


def _compile(file: _File) -> Policy:
    def of(kind: str) -> frozenset[str]:
        return frozenset(name for name, its in file.tags.items() if its == kind)

    groups = {
        name: tuple(Member(token, _ms(dated.since), _ms(dated.until)) for token, dated in group.items())
        for name, group in file.groups.items()
    }
    known = of("PERMISSIVE").union(*(group.keys() for group in file.groups.values()))
    levels = {
        level.name: Level(
            level.name, rank, _default(level.default_release), frozenset(level.requires), frozenset(level.excludes)
        )
        for rank, level in enumerate(file.levels)
    }
    return Policy(
        id=file.id,
        title=file.title,
        version=file.version,
        levels=MappingProxyType(levels),
        need=of("RESTRICTIVE"),
        controls=of("INFORMATIVE"),
        audiences=None if file.open_audiences else known,
        named=known,
        groups=MappingProxyType(groups),
        single=tuple(frozenset(group) for group in file.single),
    )


def _default(spelled: str | list[list[str]]) -> Clauses | None:
    if isinstance(spelled, list):
        return frozenset(frozenset(clause) for clause in spelled)
    return {"PUBLIC": PUBLIC, "NONE": NO_RELEASE}.get(spelled)


def _ms(day: date | None) -> int | None:
    return None if day is None else int(datetime(day.year, day.month, day.day, tzinfo=UTC).timestamp()) * 1000
