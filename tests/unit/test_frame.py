"""The frame: its bytes as documented, and what is none."""

import hashlib

import pytest

from bus.errors import Reason, Refusal
from bus.trust import frame
from bus.trust.dsse import pae
from bus.trust.frame import MAX_ENVELOPE_BYTES, MAX_SIGNATURES, Envelope, Signature, parse
from bus.trust.keys import SigningKey, verify

KEY = SigningKey.from_bytes(bytes(range(32)))
ONE = frame.sign("a/b", b"payload", KEY)
DATA = ONE.encode()


def reason(data: bytes) -> Reason | None:
    found = parse(data)
    return found.reason if isinstance(found, Refusal) else None


def of(*signatures: Signature) -> bytes:
    return Envelope("a/b", b"payload", signatures).encode()


def signature(number: int) -> Signature:
    return Signature(f"{number:032x}", bytes([number % 256]) * 64)


def test_the_encoding_that_is_signed_is_the_published_one() -> None:
    # The example of the DSSE specification, protocol.md.
    assert pae("http://example.com/HelloWorld", b"hello world") == (
        b"DSSEv1 29 http://example.com/HelloWorld 11 hello world"
    )
    assert pae("é", b"") == b"DSSEv1 2 \xc3\xa9 0 "


def test_the_bytes_of_an_envelope_are_as_documented() -> None:
    signed = bytes.fromhex(KEY.public.key_id) + KEY.sign(pae("a/b", b"payload"))
    documented = b"TOCSIN\x01\x01" + b"\x00\x03" + b"\x00\x00\x00\x07" + b"a/b" + b"payload" + signed
    assert documented == DATA
    assert parse(DATA) == ONE


def test_the_digest_is_of_what_is_signed_and_not_of_the_signature() -> None:
    assert ONE.digest == hashlib.sha256(pae("a/b", b"payload")).digest()
    assert frame.sign("a/b", b"payload", SigningKey.generate()).digest == ONE.digest
    assert frame.sign("a/c", b"payload", KEY).digest != ONE.digest


def test_several_sign_in_one_order_and_each_once() -> None:
    keys = [SigningKey.generate() for _ in range(5)]
    envelope = frame.sign("a/b", b"payload", *keys)
    assert envelope == frame.sign("a/b", b"payload", *keys[::-1], keys[0])
    assert parse(envelope.encode()) == envelope
    publics = {key.public.key_id: key.public for key in keys}
    assert [one.key_id for one in envelope.signatures] == sorted(publics)
    assert all(verify(publics[one.key_id], one.value, envelope.signed) for one in envelope.signatures)


def test_signatures_out_of_order_twice_none_or_too_many_are_no_frame() -> None:
    assert reason(of(signature(1), signature(2))) is None
    assert reason(of(signature(2), signature(1))) is Reason.BAD_FRAME
    assert reason(of(signature(1), signature(1))) is Reason.BAD_FRAME
    assert reason(of()) is Reason.BAD_FRAME
    assert reason(of(*[signature(n) for n in range(MAX_SIGNATURES)])) is None
    assert reason(of(*[signature(n) for n in range(MAX_SIGNATURES + 1)])) is Reason.BAD_FRAME


@pytest.mark.parametrize(
    "data",
    [
        b"",
        DATA[:13],
        DATA[:14],
        DATA[:-1],
        DATA + b"\0",
        b"tocsin" + DATA[6:],
        DATA[:6] + b"\x02" + DATA[7:],
        DATA[:10] + b"\xff\xff\xff\xff" + DATA[14:],
        DATA.replace(b"a/b", b"a\nb"),
        DATA.replace(b"a/b", b"a\x7fb"),
        DATA.replace(b"a/b", "aé".encode()),
        DATA.replace(b"a/b", b"a\xffb"),
    ],
)
def test_what_is_no_frame_is_refused(data: bytes) -> None:
    assert reason(data) is Reason.BAD_FRAME


def test_an_envelope_of_the_largest_size_passes_and_one_byte_more_is_refused_unread() -> None:
    room = MAX_ENVELOPE_BYTES - len(frame.sign("a/b", b"", KEY).encode())
    assert reason(frame.sign("a/b", bytes(room), KEY).encode()) is None
    assert reason(frame.sign("a/b", bytes(room + 1), KEY).encode()) is Reason.TOO_LARGE
    assert reason(bytes(MAX_ENVELOPE_BYTES + 1)) is Reason.TOO_LARGE


def test_a_refusal_holds_no_content() -> None:
    for data in (DATA.replace(b"a/b", b"\nSE"), DATA.replace(b"payload", b"SECRET"), b"SECRET" + DATA):
        assert "SE" not in str(parse(data))
