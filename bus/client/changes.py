"""Whether a draft is news: what a publisher remembers of its record, and what the source says of itself, decide."""

import hashlib
from dataclasses import replace
from typing import Final

from bus.client.memory import TAINTED, Remembered
from bus.client.publication import Draft, Line, Outcome
from bus.client.sealing import Terms
from bus.errors import Reason, Refusal, refuse
from bus.labels.spelling import read

_TAKEN: Final = frozenset({Reason.ID_CONFLICT, Reason.STALE_REVISION, TAINTED})
"""After these the number of the revision is not free; after all other refusals the bus holds no such revision."""


def nothing_to_send(  # noqa: PLR0911 - a reason each
    draft: Draft, known: Remembered, terms: Terms, content: bytes, *, was_so: bool
) -> Line | None:
    """Why this draft is not sent, or None. `was_so`: an earlier revision had this content.

    Of a source that gives no times nobody can tell an older file from a correction that takes a change back; so the
    author is asked (`reinstate`), and no record falls back to what it said before by mistake.
    """
    if terms.label.text != known.label and not (known.rejected is not None and known.accepted == 0):
        return refused(draft, _label_changed(known.label, terms.label.realm))
    if terms.always:
        return None
    if known.content == content and known.rejected is None:
        if known.withdrawn < known.revision:
            return Line(draft.kind, draft.id, Outcome.UNCHANGED, known.revision)
        return None if terms.reinstate else Line(draft.kind, draft.id, Outcome.WITHDRAWN, known.revision)
    age = _age(draft, known)
    if age < 0:
        return Line(draft.kind, draft.id, Outcome.OLDER, known.revision)
    if was_so and age == 0 and known.rejected is None and not terms.reinstate:
        return Line(draft.kind, draft.id, Outcome.REVERTED, known.revision)
    return None


def next_revision(known: Remembered | None) -> int:
    """The number of the revision that comes next."""
    if known is None:
        return 1
    free = (
        known.rejected is not None
        and known.rejected not in _TAKEN
        and known.revision > max(known.accepted, known.withdrawn)
    )
    return known.revision if free else known.revision + 1


def content_of(draft: Draft, terms: Terms, body: bytes) -> bytes:
    """What decides whether a record has changed: all that its author said, and nothing that the publisher adds."""
    replaces = "".join(f"{source}\0" for source in sorted(draft.replaces))
    said = f"{draft.kind}\0{terms.status}\0{terms.exercise}\0{terms.expires_at}\0{replaces}"
    return hashlib.sha256(said.encode() + body).digest()


def refused(draft: Draft, refusal: Refusal) -> Line:
    """The outcome of a draft that was refused."""
    return Line(draft.kind, draft.id, Outcome.REFUSED, refusal=refusal)


def _label_changed(spelled: str, realm: str) -> Refusal:
    """Why a record keeps its label; where the realm is another one, it was rather the exercise that was mistaken."""
    before = read(spelled)
    if isinstance(before, Refusal) or before.realm == realm:
        return refuse(Reason.LABEL_CHANGED, "label", "the label of the record's first revision")
    found = refuse(Reason.LABEL_CHANGED, "label", f"the realm {before.realm}, in which the record was published first")
    remedy = (
        f"Publish it in {before.realm} again, or, if {realm} is meant, under another id: no record changes its realm."
    )
    return replace(found, remedy=remedy)


def own_id(kind: str, *parts: str) -> str:
    """A stable id for what has no id at its source."""
    return f"{kind}:{hashlib.sha256(chr(0).join(parts).encode()).hexdigest()[:32]}"


def _age(draft: Draft, known: Remembered) -> int:
    """Below zero where the draft is older than what is known, by its source's own time; 0 where that can't be said."""
    if draft.modified_at is None or known.modified_at is None:
        return 0
    return draft.modified_at - known.modified_at
