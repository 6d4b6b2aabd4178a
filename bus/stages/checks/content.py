"""Checks 6 and 7: the payload of a verified envelope, decoded with the released schema that its signed type names."""

from typing import Any, NamedTuple

from bus.errors import Refusal
from bus.stages.checks.claim import Claim
from schemas.codec import decode, resolve


class Content(NamedTuple):
    """What a payload holds, as the codec decodes it; which values are allowed is check 8's question."""

    header: dict[str, Any]
    body: dict[str, Any]


def read_content(claim: Claim) -> Content | Refusal:
    """Decode the payload; only for a claim whose signature is good."""
    # 6 schema
    schema = resolve(claim.type)
    if isinstance(schema, Refusal):
        return schema
    # 7 strict decode
    value = decode(schema, claim.envelope.payload)
    return value if isinstance(value, Refusal) else Content(value["header"], value["body"])
