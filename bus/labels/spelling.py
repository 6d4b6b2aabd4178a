"""The one spelling of a label: it is signed and hashed, so two spellings of one meaning must not exist.

    label    = policy, " ", level, [ need ], release, [ controls ], [ origin ], [ review ], [ realm ] ;
    need     = "//NEED ", tag, { "/", tag } ;
    release  = "//PUBLIC"
             | ( "//NO RELEASE" | "//", clause, { " & ", clause } ), [ named ]
             | named ;
    clause   = "REL TO ", audience, { ", ", audience } ;
    named    = "//FOR ", ( "NOBODY" | agency, { ", ", agency } ) ;
    controls = "//CONTROL ", tag, { "/", tag } ;
    origin   = "//ORIGIN ", agency, { ", ", agency } ;
    review   = "//REVIEW ", year, "-", month, "-", day ;
    realm    = "//TEST" | "//EXERCISE ", audience ;
    policy   = upper, { upper | digit | "-" } ;          (* 2 to 32 characters *)
    level    = upper, { upper | digit | "+" | "-" } ;    (* 2 to 32 characters *)
    tag      = upper, { upper | digit | "-" } ;          (* 2 to 32 characters *)
    audience = ( upper | digit ), { upper | digit | "-" } ;   (* 2 to 32 characters *)
    agency   = ( lower | digit ), { lower | digit | "-" } ;   (* 2 to 32 characters *)

Every list is sorted by code point and without repeats; clauses are in normal form (members instead of groups, none
holds another) and sorted by their text. PUBLIC stands where nobody is named in any way, so that a forgotten marking
never means public: a label without a release part is refused.

`read` takes the same parts in any order of list items and without a release part (a person's input, before `expand`);
`parse` in label.py takes what `render` gives back unchanged and nothing else.
"""

import re
from datetime import date
from typing import Any, NamedTuple

from bus.errors import Reason, Refusal, refuse
from bus.names import NAME

MAX_CHARS = 4096
"""As much as a header holds (schemas.models.base.LabelText): what is longer could be signed but not read."""
REAL = "REAL"
TEST = "TEST"

_POLICY = re.compile(r"[A-Z][A-Z0-9-]{1,31}\Z")
_LEVEL = re.compile(r"[A-Z][A-Z0-9+-]{1,31}\Z")
TAG = _POLICY
AUDIENCE = re.compile(r"[A-Z0-9][A-Z0-9-]{1,31}\Z")
AGENCY = re.compile(rf"{NAME}\Z")
_DATE = re.compile(r"[0-9]{4}-[0-9]{2}-[0-9]{2}\Z")

Clauses = frozenset[frozenset[str]]
PUBLIC: Clauses = frozenset()
NO_RELEASE: Clauses = frozenset({frozenset()})
ORIGIN_ONLY = "ORIGIN ONLY"


class Parts(NamedTuple):
    """What a label's text says, by part.

    `release` None: nothing is said about it, which `parse` refuses and `expand` completes.
    """

    policy: str
    level: str
    need: frozenset[str] = frozenset()
    release: Clauses | None = None
    recipients: frozenset[str] | None = None
    controls: frozenset[str] = frozenset()
    origin: frozenset[str] = frozenset()
    realm: str = REAL
    review_after: date | None = None
    origin_only: bool = False


def minimal(clauses: Clauses) -> Clauses:
    """Normal form: a clause that contains another is dropped, since who meets the smaller meets the larger.

    The empty clause absorbs all.
    """
    if len(clauses) < 2:  # noqa: PLR2004
        return clauses
    return frozenset(c for c in clauses if not any(other < c for other in clauses))


def render(parts: Parts) -> str:
    """The one spelling of these parts."""
    out = [f"{parts.policy} {parts.level}"]
    if parts.need:
        out.append("NEED " + "/".join(sorted(parts.need)))
    if parts.release == NO_RELEASE:
        out.append("NO RELEASE")
    elif parts.release:
        out.append(" & ".join(sorted("REL TO " + ", ".join(sorted(clause)) for clause in parts.release)))
    elif parts.recipients is None:
        out.append("PUBLIC")
    if parts.recipients is not None:
        out.append("FOR " + (", ".join(sorted(parts.recipients)) or "NOBODY"))
    if parts.controls:
        out.append("CONTROL " + "/".join(sorted(parts.controls)))
    if parts.origin:
        out.append("ORIGIN " + ", ".join(sorted(parts.origin)))
    if parts.review_after is not None:
        out.append(f"REVIEW {parts.review_after.isoformat()}")
    if parts.realm != REAL:
        out.append(TEST if parts.realm == TEST else f"EXERCISE {parts.realm}")
    return "//".join(out)


def read(text: str) -> Parts | Refusal:
    """The parts of a label's text, lists in any order; never raises on a str."""
    if len(text) > MAX_CHARS:
        return _bad("", f"at most {MAX_CHARS} characters")
    head, *sections = text.split("//")
    policy, _, level = head.partition(" ")
    if not (_POLICY.match(policy) and _LEVEL.match(level)):
        return _bad("", "to begin with a policy and one of its levels, as in `COALITION SECRET`")
    parts = Parts(policy, level)
    seen: set[str] = set()
    for section in sections:
        found = _section(section)
        if isinstance(found, Refusal):
            return found
        if not seen.isdisjoint(found):
            return _bad(_name(section), "each part once")
        seen.update(found)
        parts = parts._replace(**found)
    if parts.release is None and parts.recipients is not None:
        return parts._replace(release=PUBLIC)
    return parts


def _section(section: str) -> dict[str, Any] | Refusal:
    fixed = _FIXED.get(section)
    if fixed is not None:
        return dict(fixed)
    if section.startswith("REL TO "):
        return _clauses(section)
    word, _, rest = section.partition(" ")
    if word in _LISTS:
        field, separator, form = _LISTS[word]
        items = _items(rest, separator, form)
        return (
            _bad(word, f"a list of different {field} separated by {separator!r}") if items is None else {field: items}
        )
    if word == "EXERCISE" and AUDIENCE.match(rest) and rest not in (REAL, TEST):
        return {"realm": rest}
    if word == "REVIEW":
        return _review(rest)
    return _bad("", "only the parts NEED, REL TO, NO RELEASE, PUBLIC, FOR, CONTROL, ORIGIN, REVIEW, EXERCISE, TEST")


_FIXED: dict[str, dict[str, Any]] = {
    "PUBLIC": {"release": PUBLIC},
    "NO RELEASE": {"release": NO_RELEASE},
    ORIGIN_ONLY: {"release": None, "origin_only": True},
    "FOR NOBODY": {"recipients": frozenset()},
    "TEST": {"realm": TEST},
}
_LISTS: dict[str, tuple[str, str, re.Pattern[str]]] = {
    "NEED": ("need", "/", TAG),
    "FOR": ("recipients", ",", AGENCY),
    "CONTROL": ("controls", "/", TAG),
    "ORIGIN": ("origin", ",", AGENCY),
}


def _clauses(section: str) -> dict[str, Any] | Refusal:
    clauses: set[frozenset[str]] = set()
    for clause in section.split("&"):
        body = clause.strip(" ")
        if not body.startswith("REL TO "):
            return _bad("REL TO", "`REL TO` at the start of each clause, as in `REL TO FRA, UN & REL TO DEU`")
        items = _items(body.removeprefix("REL TO "), ",", AUDIENCE)
        if items is None:
            return _bad("REL TO", "a list of different audiences [A-Z0-9-]{2,32} separated by ','")
        clauses.add(items)
    return {"release": minimal(frozenset(clauses))}


def _review(text: str) -> dict[str, Any] | Refusal:
    wrong = _bad("REVIEW", "a date like 2031-12-31")
    if not _DATE.match(text):
        return wrong
    try:
        return {"review_after": date.fromisoformat(text)}
    except ValueError:
        return wrong


def _items(text: str, separator: str, form: re.Pattern[str]) -> frozenset[str] | None:
    items = [item.strip(" ") for item in text.split(separator)]
    found = frozenset(items)
    return found if len(found) == len(items) and all(form.match(item) for item in items) else None


def _name(section: str) -> str:
    return next(
        (
            word
            for word in ("REL TO", "NO RELEASE", "PUBLIC", *_LISTS, "REVIEW", "EXERCISE", "TEST")
            if section.startswith(word)
        ),
        "",
    )


def _bad(part: str, expected: str) -> Refusal:
    return refuse(Reason.BAD_LABEL, f"label//{part}" if part else "label", expected)
