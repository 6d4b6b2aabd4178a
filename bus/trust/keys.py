"""Ed25519 keys and the one rule by which a signature is good (bus/decisions/ed25519-rule.md).

Good if and only if OpenSSL verifies it and neither the public key nor R, the first half of the signature, is of small
order or non-canonical. One library verifies, so that no two parts of the bus can disagree.
"""

import hashlib
from typing import Final

from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey, Ed25519PublicKey

from bus.errors import Reason, Refusal, refuse

KEY_BYTES: Final = 32
SIGNATURE_BYTES: Final = 64
KEY_ID_BYTES: Final = 16

_KEY_ID_TAG: Final = b"tocsin-ed25519-key-v1\0"
_PRIME: Final = 2**255 - 19
_Y_BITS: Final = 2**255 - 1
"""An encoded point is y in 255 bits, little-endian, and one bit for the sign of x."""
_ORDER_EIGHT_Y: Final = 0x7A03AC9277FDC74EC6CC392CFA53202A0F67100D760B3CBA4FD84D3D706A17C7
_SMALL_ORDER_Y: Final = frozenset({0, 1, _PRIME - 1, _ORDER_EIGHT_Y, _PRIME - _ORDER_EIGHT_Y})
"""The y of the eight points whose order divides 8; x and -x share one. Where x is 0, a sign is the other non-canonical
spelling besides y ≥ p: those two points are among them."""


class PublicKey:
    """A public key that the rule admits, ready to verify. Equal where its 32 bytes are."""

    __slots__ = ("key_id", "loaded", "raw")

    raw: bytes
    key_id: str
    """32 hex digits: the first half of SHA-256 of a domain tag and `raw`."""
    loaded: Ed25519PublicKey
    """OpenSSL's form of it, made once."""

    def __init__(self, raw: bytes) -> None:
        """For bytes that `from_bytes` has judged, or that were derived from a private key."""
        self.raw = raw
        self.key_id = hashlib.sha256(_KEY_ID_TAG + raw).hexdigest()[: 2 * KEY_ID_BYTES]
        self.loaded = Ed25519PublicKey.from_public_bytes(raw)

    @classmethod
    def from_bytes(cls, raw: bytes) -> "PublicKey | Refusal":
        """The key of these 32 bytes, or why no signature under it could ever be good."""
        if len(raw) != KEY_BYTES or not _is_sound(raw):
            expected = f"the {KEY_BYTES} bytes of an Ed25519 key, canonical and not of small order"
            return refuse(Reason.BAD_FIELD, "public", expected)
        return cls(raw)

    def __eq__(self, other: object) -> bool:
        """By the key's bytes."""
        return isinstance(other, PublicKey) and self.raw == other.raw

    def __hash__(self) -> int:
        """Of the key's bytes."""
        return hash(self.raw)

    def __repr__(self) -> str:
        """Name the key by its id."""
        return f"PublicKey({self.key_id})"


class SigningKey:
    """A private key. Its bytes come out through `private_bytes` only: neither print nor log shows them."""

    __slots__ = ("_key", "public")

    public: PublicKey

    def __init__(self, key: Ed25519PrivateKey) -> None:
        """Derive the public key; a private key's is never of small order."""
        self._key = key
        self.public = PublicKey(key.public_key().public_bytes_raw())

    @classmethod
    def generate(cls) -> "SigningKey":
        """A new key from OpenSSL's source of chance."""
        return cls(Ed25519PrivateKey.generate())

    @classmethod
    def from_bytes(cls, private: bytes) -> "SigningKey":
        """The key of these 32 private bytes (RFC 8032's seed)."""
        return cls(Ed25519PrivateKey.from_private_bytes(private))

    def private_bytes(self) -> bytes:
        """The 32 private bytes, for a key file."""
        return self._key.private_bytes_raw()

    def sign(self, message: bytes) -> bytes:
        """The 64 bytes of the signature; the same for the same message."""
        return self._key.sign(message)


def verify(public: PublicKey, signature: bytes, message: bytes) -> bool:
    """Whether this is a good signature of the message under the key."""
    if len(signature) != SIGNATURE_BYTES or not _is_sound(signature[:KEY_BYTES]):
        return False
    try:
        public.loaded.verify(signature, message)
    except InvalidSignature:
        return False
    return True


def _is_sound(point: bytes) -> bool:
    """Whether an encoded point is canonical and not of small order; that it lies on the curve, OpenSSL decides."""
    y = int.from_bytes(point, "little") & _Y_BITS
    return y < _PRIME and y not in _SMALL_ORDER_Y
