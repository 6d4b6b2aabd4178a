"""The bytes that are signed: the pre-authentication encoding of DSSE v1, which binds a payload to its type."""


def pae(payload_type: str, payload: bytes) -> bytes:
    """`DSSEv1 len(type) type len(payload) payload`, lengths in bytes: no two pairs have the same encoding."""
    named = payload_type.encode()
    return b"DSSEv1 %d %b %d %b" % (len(named), named, len(payload), payload)
