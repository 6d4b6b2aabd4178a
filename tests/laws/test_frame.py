"""The laws of the frame: any bytes have an answer, one envelope has one form, and no changed bit goes unseen."""

from hypothesis import given, settings
from hypothesis import strategies as st

from bus.errors import Refusal
from bus.trust import frame
from bus.trust.frame import Envelope, Signature, parse
from bus.trust.keys import SigningKey, verify

KEYS = [SigningKey.from_bytes(bytes([number]) * 32) for number in range(3)]
PUBLIC = {key.public.key_id: key.public for key in KEYS}

TYPES = st.text(st.characters(min_codepoint=0x20, max_codepoint=0x7E), max_size=40)
SIGNATURES = st.dictionaries(st.binary(min_size=16, max_size=16), st.binary(min_size=64, max_size=64), min_size=1)
ENVELOPES = st.builds(
    lambda named, payload, signatures: Envelope(
        named, payload, tuple(sorted(Signature(key_id.hex(), value) for key_id, value in signatures.items()))
    ),
    TYPES,
    st.binary(max_size=200),
    SIGNATURES,
)
EDITS = st.lists(
    st.tuples(st.sampled_from(["set", "insert", "delete"]), st.integers(0, 10_000), st.integers(0, 255)), max_size=3
)
HEADS = st.builds(lambda rest: b"TOCSIN\x01" + rest, st.binary(max_size=400))


def edited(data: bytes, edits: list[tuple[str, int, int]]) -> bytes:
    out = bytearray(data)
    for what, where, value in edits:
        # Half of all edits fall into the head, where the lengths are.
        place = where // 2 % (14 if where % 2 else len(out) + 1)
        if what == "insert":
            out.insert(place, value)
        elif place < len(out) and what == "set":
            out[place] = value
        elif place < len(out):
            del out[place]
    return bytes(out)


def is_good(data: bytes) -> bool:
    """Whether these bytes parse, and every signature is a good one of a key that we know."""
    envelope = parse(data)
    return not isinstance(envelope, Refusal) and all(
        one.key_id in PUBLIC and verify(PUBLIC[one.key_id], one.value, envelope.signed) for one in envelope.signatures
    )


@given(ENVELOPES)
def test_an_envelope_comes_back_from_its_bytes(envelope: Envelope) -> None:
    assert parse(envelope.encode()) == envelope


@given(st.one_of(st.binary(max_size=400), HEADS, st.builds(edited, st.builds(Envelope.encode, ENVELOPES), EDITS)))
@settings(max_examples=400)
def test_any_bytes_have_an_answer_and_what_parses_has_no_other_form(data: bytes) -> None:
    found = parse(data)
    assert isinstance(found, Refusal) or found.encode() == data


@given(TYPES, st.binary(max_size=20), st.sets(st.sampled_from(range(3)), min_size=1, max_size=2))
@settings(max_examples=5, deadline=None)
def test_no_changed_bit_goes_unseen(named: str, payload: bytes, signers: set[int]) -> None:
    data = frame.sign(named, payload, *[KEYS[number] for number in signers]).encode()
    assert is_good(data)
    for place in range(len(data)):
        for bit in range(8):
            changed = bytearray(data)
            changed[place] ^= 1 << bit
            assert not is_good(bytes(changed)), (place, bit)


@given(ENVELOPES, ENVELOPES)
def test_different_envelopes_are_signed_differently(one: Envelope, two: Envelope) -> None:
    same = (one.payload_type, one.payload) == (two.payload_type, two.payload)
    assert (one.signed == two.signed) == same


@given(TYPES, st.binary(max_size=9), st.integers(-9, 9))
def test_no_byte_wanders_from_type_to_payload(named: str, payload: bytes, shift: int) -> None:
    """What a concatenation without lengths would let pass: the same bytes, cut at another place."""
    whole = named.encode() + payload
    cut = max(0, min(len(whole), len(named.encode()) + shift))
    other = whole[:cut].decode("ascii", "ignore"), whole[cut:]
    same = other == (named, payload)
    assert same or Envelope(*other, ()).digest != Envelope(named, payload, ()).digest
