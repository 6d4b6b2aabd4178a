"""The authority's records: signed bytes of a roster, a policy or parameters."""

from collections.abc import Sequence
from typing import Final, NamedTuple

from bus.errors import Refusal, TocsinError
from bus.names import AUTHORITY
from bus.stages.control import CONTROL
from bus.trust import frame
from bus.trust.keys import SigningKey
from schemas.codec import payload_type, to_wire
from schemas.models import (
    Header,
    Parameters,
    ParametersMessage,
    PolicyDocument,
    PolicyMessage,
    Roster,
    RosterMessage,
    Status,
)

LABEL: Final = "COALITION UNCLASSIFIED//PUBLIC"
"""The authority's records are public: who is admitted, and under which rules, everybody may know."""


class Place(NamedTuple):
    """Where a record stands among the authority's: its time of signing (UTC ms) and its number."""

    now: int
    sequence: int


def roster_record(roster: Roster, place: Place, keys: Sequence[SigningKey]) -> frame.Envelope:
    """A roster, signed by roots."""
    message = RosterMessage(header=_header("roster", roster.version, place), body=roster)
    return _signed("roster", message, keys)


def policy_record(document: PolicyDocument, place: Place, key: SigningKey) -> frame.Envelope:
    """A label policy."""
    header = _header(f"policy:{document.policy}", document.version, place)
    return _signed("policy", PolicyMessage(header=header, body=document), [key])


def parameters_record(parameters: Parameters, place: Place, key: SigningKey) -> frame.Envelope:
    """The numbers of fusion."""
    message = ParametersMessage(header=_header("parameters", parameters.version, place), body=parameters)
    return _signed("parameters", message, [key])


def _header(record_id: str, version: int, place: Place) -> Header:
    return Header(
        agency=AUTHORITY,
        feed=CONTROL,
        id=record_id,
        revision=version,
        sequence=place.sequence,
        created_at=place.now,
        status=Status.ACTUAL,
        label=LABEL,
    )


def _signed(
    kind: str, message: RosterMessage | PolicyMessage | ParametersMessage, keys: Sequence[SigningKey]
) -> frame.Envelope:
    envelope = frame.sign(payload_type(kind, CONTROL), to_wire(message), *keys)
    found = frame.parse(envelope.encode())
    if isinstance(found, Refusal):
        raise TocsinError(f"the {kind} is too large for one record: {found.expected}", found.remedy)
    return envelope
