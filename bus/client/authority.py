"""What the authority has said, verified from the pin on: every roster that was in force, and the label policies."""

from bisect import bisect_right
from collections.abc import Mapping
from typing import Final

from bus.client.opened import open_signed
from bus.errors import Refusal, TocsinError
from bus.labels import Policy
from bus.log.protocol import Log
from bus.trust import frame
from bus.trust.dsse import pae
from bus.trust.keys import verify
from bus.trust.roster import Trust
from schemas.codec import decode_trusted
from schemas.models import AcceptedEvent, PolicyMessage, RosterMessage
from schemas.registry import of_bytes

CONTROL: Final = "control"
AUTHORITY: Final = "authority"


class AuthorityError(TocsinError):
    """The control topic holds something that the pinned root did not sign."""


class Authority:
    """The authority's records, read and checked from the first on."""

    def __init__(self, log: Log, pin: bytes) -> None:
        """Read the control topic to its end."""
        self._since: list[int] = []
        self._rosters: list[Trust] = []
        self._policies: dict[str, Policy] = {}
        self._start = Trust.pinned(pin)
        for record in log.read(CONTROL):
            if record.value:
                self._accept(record.offset, record.value)

    @property
    def policies(self) -> Mapping[str, Policy]:
        """The label policies in force."""
        return self._policies

    @property
    def trust(self) -> Trust:
        """The roster in force."""
        return self._rosters[-1] if self._rosters else self._start

    def trust_at(self, at: int) -> Trust:
        """The roster that was in force at `at`, by the log's time (UTC ms)."""
        index = bisect_right(self._since, at)
        return self._rosters[index - 1] if index else self._start

    def _accept(self, offset: int, value: bytes) -> None:
        schema = of_bytes(value)
        if isinstance(schema, Refusal) or schema.kind != "accepted":
            raise _strange(offset)
        accepted = AcceptedEvent.model_validate(decode_trusted(schema, value))
        opened = open_signed(accepted.envelope)
        if isinstance(opened, Refusal):
            raise _strange(offset)
        message = opened.message
        if isinstance(message, RosterMessage):
            trust = self.trust.accept(opened.envelope, message.body, accepted.accepted_at)
            if isinstance(trust, Refusal):
                raise _strange(offset)
            self._since.append(accepted.accepted_at)
            self._rosters.append(trust)
        elif not self._is_authoritys(opened.envelope, accepted.accepted_at):
            raise _strange(offset)
        elif isinstance(message, PolicyMessage):
            policy = Policy.from_toml(message.body.toml)
            if isinstance(policy, Refusal):
                raise _strange(offset)
            self._policies[policy.id] = policy

    def _is_authoritys(self, envelope: frame.Envelope, at: int) -> bool:
        return all(
            not isinstance(key := self.trust.judge_key(signature.key_id, CONTROL, at), Refusal)
            and key.agency == AUTHORITY
            and verify(key.public, signature.value, pae(envelope.payload_type, envelope.payload))
            for signature in envelope.signatures
        )


def _strange(offset: int) -> AuthorityError:
    return AuthorityError(
        f"{CONTROL} holds at offset {offset} what the pinned root did not sign",
        "Compare the home's pin with the authority's fingerprint by another way; trust nothing until they agree.",
    )
