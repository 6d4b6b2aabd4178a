"""From a draft to a signed envelope.

Realm, label, body, header, size; every refusal is a value and costs no sequence number.
"""

from collections.abc import Mapping
from typing import Final, NamedTuple

from bus.client.publication import Draft
from bus.errors import Reason, Refusal, refuse
from bus.labels import Label, Policy, expand
from bus.labels.spelling import AUDIENCE, REAL, TEST, read
from bus.trust import frame
from bus.trust.keys import SigningKey
from schemas.codec import encode_fields, payload_type
from schemas.models import Event, Header, Heartbeat, Link, Retraction, Status, Value, validate
from schemas.registry import newest

BODY_OF_KIND: Final[Mapping[str, type[Value]]] = {
    "event": Event,
    "retraction": Retraction,
    "link": Link,
    "heartbeat": Heartbeat,
}
_STATUSES: Final = frozenset(Status)


class Terms(NamedTuple):
    """Under what terms a draft is published: feed, label in its realm, the realm's status, and the header's times."""

    feed: str
    label: Label
    status: Status
    now: int
    expires_at: int | None = None
    reinstate: bool = False
    always: bool = False

    @property
    def exercise(self) -> str | None:
        """The exercise's name, where it is one."""
        return self.label.realm if self.status is Status.EXERCISE else None


class Sealer:
    """Makes signed envelopes for one agency and key."""

    def __init__(
        self, agency: str, key: SigningKey, policies: Mapping[str, Policy], default_labels: Mapping[str, str]
    ) -> None:
        """Sign for this agency, under these policies."""
        self._agency = agency
        self._key = key
        self._policies = policies
        self._default_labels = default_labels

    def terms(
        self, feed: str, label: Label | str | None, status: Status | str, exercise: str | None, now: int
    ) -> Terms | Refusal:
        """Resolve groups and defaults of the label at `now`, and let label and status agree on the realm."""
        label = label or self._default_labels.get(feed)
        if label is None:
            return refuse(Reason.BAD_LABEL, "label", "a label, or a feed with a default label in the roster")
        parts = label.parts if isinstance(label, Label) else read(label)
        if isinstance(parts, Refusal):
            return parts
        realm = _realm(parts.realm, status, exercise)
        if isinstance(realm, Refusal):
            return realm
        found: Label | Refusal
        if isinstance(label, Label):
            found = label
        else:
            policy = self._policies.get(parts.policy)
            if policy is None:
                return refuse(Reason.BAD_LABEL, "label", "a policy that is in force")
            found = expand(policy, label, now, self._agency)
        if isinstance(found, Refusal):
            return found
        named = Status.ACTUAL if realm == REAL else Status.TEST if realm == TEST else Status.EXERCISE
        return Terms(feed, found.in_realm(realm), named, now)

    @staticmethod
    def body(draft: Draft) -> bytes | Refusal:
        """Check the draft's body against its model and encode it: what decides whether a record has changed."""
        model = BODY_OF_KIND.get(draft.kind)
        if model is None:
            return refuse(Reason.UNKNOWN_TYPE, "kind", "one of " + ", ".join(BODY_OF_KIND))
        body = draft.body if isinstance(draft.body, model) else validate(model, draft.body)
        return body if isinstance(body, Refusal) else encode_fields(newest(draft.kind), {"body": body.model_dump()})

    def seal(self, draft: Draft, body: bytes, terms: Terms, revision: int, sequence: int) -> frame.Envelope | Refusal:
        """Sign one revision."""
        fields = {
            "agency": self._agency,
            "feed": terms.feed,
            "id": draft.id,
            "revision": revision,
            "sequence": sequence,
            "created_at": terms.now,
            "expires_at": terms.expires_at,
            "status": terms.status,
            "exercise": terms.exercise,
            "label": terms.label.text,
        }
        header = validate(Header, fields)
        if isinstance(header, Refusal):
            return header
        schema = newest(draft.kind)
        payload = schema.prefix + encode_fields(schema, {"header": fields}) + body
        envelope = frame.sign(payload_type(draft.kind, terms.feed), payload, self._key)
        if len(envelope.encode()) > frame.MAX_ENVELOPE_BYTES:
            return refuse(Reason.TOO_LARGE, "envelope", f"at most {frame.MAX_ENVELOPE_BYTES} bytes")
        return envelope


def _realm(labelled: str, status: Status | str, exercise: str | None) -> str | Refusal:
    """The realm that status, exercise and label agree on.

    Towards exercise and test an override is safe, away from them it is refused.
    """
    if status not in _STATUSES:
        return refuse(Reason.BAD_FIELD, "status", f"one of {', '.join(Status)}")
    if exercise is not None and (not AUDIENCE.match(exercise) or exercise in (REAL, TEST)):
        return refuse(Reason.BAD_FIELD, "exercise", "a name [A-Z0-9-]{2,32} other than REAL and TEST")
    wanted = {realm for realm in (exercise, labelled) if realm not in (None, REAL)}
    if status == Status.TEST:
        wanted.add(TEST)
    if len(wanted) > 1:
        return refuse(Reason.REALM_MISMATCH, "status", "one realm in status, exercise and label")
    realm = wanted.pop() if wanted else REAL
    if status == Status.EXERCISE and realm in (REAL, TEST):
        return refuse(Reason.REALM_MISMATCH, "exercise", "the name of the exercise that the record belongs to")
    return realm or REAL
