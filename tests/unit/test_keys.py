"""Keys: their ids, their secrets, and which points of the curve are none."""

import hashlib

import pytest

from bus.errors import Reason, Refusal
from bus.trust.keys import PublicKey, SigningKey, verify

PRIME = 2**255 - 19
ORDER = 2**252 + 27742317777372353535851937790883648493
D = -121665 * pow(121666, -1, PRIME) % PRIME
SIGN = 2**255

# RFC 8032, section 7.1, test 1.
PRIVATE = bytes.fromhex("9d61b19deffd5a60ba844af492ec2cc44449c5697b326919703bac031cae7f60")
PUBLIC = bytes.fromhex("d75a980182b10ab7d54bfed3c964073a0ee172f3daa62325af021a68f707511a")
SIGNATURE = bytes.fromhex(
    "e5564300c360ac729086e2cc806e828a84877f1eb8e5d974d873e065224901555fb8821590a33bacc61e39701cf9b46bd25bf5f0595bbe24655141438e7a100b"
)


def encoded(y: int, sign: int) -> bytes:
    return (y | sign * SIGN).to_bytes(32, "little")


Point = tuple[int, int]


def add(one: Point, two: Point) -> Point:
    """The curve's own addition (RFC 8032, section 5.1.4, in affine coordinates)."""
    (x1, y1), (x2, y2) = one, two
    product = D * x1 * x2 * y1 * y2
    x = (x1 * y2 + x2 * y1) * pow(1 + product, -1, PRIME)
    y = (y1 * y2 + x1 * x2) * pow(1 - product, -1, PRIME)
    return x % PRIME, y % PRIME


def times(factor: int, point: Point) -> Point:
    found = (0, 1)
    for bit in f"{factor:b}":
        found = add(found, found)
        if bit == "1":
            found = add(found, point)
    return found


def on_curve(y: int) -> Point | None:
    """The point of this y, if there is one (RFC 8032, section 5.1.3)."""
    square = (y * y - 1) * pow(D * y * y + 1, -1, PRIME) % PRIME
    x = pow(square, (PRIME + 3) // 8, PRIME)
    if x * x % PRIME != square:
        x = x * pow(2, (PRIME - 1) // 4, PRIME) % PRIME
    return (x, y) if x * x % PRIME == square else None


def small_points() -> set[Point]:
    """All eight points whose order divides 8, found by taking the large order out of points until they are complete."""
    found: set[Point] = set()
    y = 2
    while len(found) < 8:
        point = on_curve(y)
        if point is not None:
            small = times(ORDER, point)
            found |= {times(factor, small) for factor in range(8)}
        y += 1
    return found


def test_a_signature_of_the_standard_is_made_and_verified() -> None:
    key = SigningKey.from_bytes(PRIVATE)
    assert key.public.raw == PUBLIC
    assert key.sign(b"") == SIGNATURE
    assert verify(key.public, SIGNATURE, b"")
    assert not verify(key.public, SIGNATURE, b"x")
    assert not verify(SigningKey.generate().public, SIGNATURE, b"")


def test_a_key_comes_back_from_its_bytes_and_every_new_key_is_another() -> None:
    key = SigningKey.generate()
    again = SigningKey.from_bytes(key.private_bytes())
    assert again.public == key.public
    assert hash(again.public) == hash(key.public)
    assert PublicKey.from_bytes(key.public.raw) == key.public
    assert SigningKey.generate().public != key.public
    assert verify(key.public, again.sign(b"message"), b"message")


def test_a_key_id_is_half_a_digest_of_tag_and_key() -> None:
    public = SigningKey.from_bytes(PRIVATE).public
    assert public.key_id == hashlib.sha256(b"tocsin-ed25519-key-v1\0" + PUBLIC).hexdigest()[:32]


def test_no_private_byte_is_shown() -> None:
    key = SigningKey.from_bytes(PRIVATE)
    for shown in (repr(key), str(key), f"{key}", repr(key.public)):
        assert PRIVATE.hex() not in shown
        assert repr(PRIVATE)[2:10] not in shown


@pytest.mark.parametrize("length", [0, 31, 33, 64])
def test_bytes_of_another_length_are_no_key_and_no_signature(length: int) -> None:
    assert isinstance(PublicKey.from_bytes(bytes([7] * length)), Refusal)
    assert not verify(SigningKey.from_bytes(PRIVATE).public, (SIGNATURE * 2)[: length + 1], b"")


def test_a_signature_has_no_second_form() -> None:
    public = SigningKey.from_bytes(PRIVATE).public
    scalar = int.from_bytes(SIGNATURE[32:], "little")
    for multiple in range(1, 8):
        other = SIGNATURE[:32] + (scalar + multiple * ORDER).to_bytes(32, "little")
        assert not verify(public, other, b"")
    assert not verify(public, SIGNATURE + b"\0", b"")


def test_every_point_of_small_order_is_refused_in_every_spelling() -> None:
    points = small_points()
    assert len(points) == 8
    spellings = {
        encoded(y + turn, sign) for _, y in points for turn in (0, PRIME) for sign in (0, 1) if y + turn < SIGN
    }
    assert len(spellings) == 14  # as many as the published vectors know
    for spelling in spellings:
        refusal = PublicKey.from_bytes(spelling)
        assert isinstance(refusal, Refusal)
        assert refusal.reason is Reason.BAD_FIELD
        assert spelling.hex() not in str(refusal)
        # With S = 0 and R a small point, half of all messages would verify under a small key.
        assert not verify(PublicKey(spelling), spelling + bytes(32), b"")


def test_every_non_canonical_spelling_is_refused_and_its_neighbours_are_not() -> None:
    for y in range(PRIME, SIGN):
        for sign in (0, 1):
            assert isinstance(PublicKey.from_bytes(encoded(y, sign)), Refusal)
    for y in (2, 3, PRIME - 2, PRIME - 3, PRIME - 2**200):
        for sign in (0, 1):
            assert isinstance(PublicKey.from_bytes(encoded(y, sign)), PublicKey)
