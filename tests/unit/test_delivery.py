"""A delivery encoded in pieces is the one that the plain codec makes; the payload type has one spelling."""

from hashlib import sha256

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from bus.errors import Reason, Refusal
from schemas.codec import PayloadType, parse_payload_type, payload_type, resolve, to_wire
from schemas.delivery import encode_delivery, encode_middle, next_chain, strip_chain, without_chain
from schemas.models import Change, DeliveredKind, Delivery, DeliveryReason
from schemas.registry import Schema, newest

CHAIN = bytes(range(32))


@settings(deadline=None)
@given(
    st.integers(1, 2**63 - 1),
    st.integers(1, 2**63 - 1),
    st.sampled_from(Change),
    st.none() | st.sampled_from(DeliveryReason),
    st.none() | st.binary(max_size=50),
    st.lists(st.sampled_from(["evidence", "label"]), max_size=2),
)
def test_the_pieces_make_the_whole(  # noqa: PLR0913  the fields of a delivery
    sequence: int, revision: int, change: Change, reason: DeliveryReason | None, body: bytes | None, what: list[str]
) -> None:
    plain = Delivery(
        sequence=sequence,
        revision=revision,
        change=change,
        reason=reason,
        kind=DeliveredKind.EVENT,
        ref="ngo-a/reports/x:1",
        what_changed=tuple(what),
        body=body,
        chain=CHAIN,
    )
    middle = encode_middle(
        change=change, reason=reason, kind="event", ref="ngo-a/reports/x:1", what_changed=what, body=body
    )
    whole = encode_delivery(sequence, revision, middle, CHAIN)
    assert whole == to_wire(plain)
    assert strip_chain(whole) == without_chain(sequence, revision, middle)


def test_the_chain_is_the_one_of_the_pictures_page() -> None:
    unchained = without_chain(1, 1, encode_middle(change="NEW", reason=None, kind="event", ref="r"))
    assert next_chain(CHAIN, unchained) == sha256(CHAIN + sha256(unchained).digest()).digest()


def test_a_payload_type_is_read_as_it_is_spelled() -> None:
    parsed = parse_payload_type(payload_type("event", "reports"))
    assert parsed == PayloadType("event", 1, newest("event").fingerprint_hex, "reports")
    assert isinstance(parsed, PayloadType)
    assert resolve(parsed) is newest("event")


GOOD = payload_type("event", "reports")


@pytest.mark.parametrize(
    "text",
    [
        "",
        GOOD + " ",
        GOOD + "\n",
        GOOD.upper(),
        GOOD.replace("v1", "v01"),
        GOOD.replace("; ", ";"),
        GOOD + "x" * 10_000,
        "text/plain",
    ],
)
def test_another_spelling_is_an_unknown_type(text: str) -> None:
    answer = parse_payload_type(text)
    assert isinstance(answer, Refusal)
    assert answer.reason is Reason.UNKNOWN_TYPE


def test_a_fingerprint_of_another_kind_or_version_is_an_unknown_schema() -> None:
    fingerprint = newest("event").fingerprint_hex
    for named in (
        PayloadType("link", 1, fingerprint, "reports"),
        PayloadType("event", 2, fingerprint, "reports"),
        PayloadType("event", 1, "0" * 64, "reports"),
    ):
        answer = resolve(named)
        assert not isinstance(answer, Schema)
        assert answer.reason is Reason.UNKNOWN_SCHEMA
