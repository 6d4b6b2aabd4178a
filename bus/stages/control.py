"""What the authority has said up to a position: roster, policies, parameters, and what follows from them.

An immutable value. Each control record that is applied gives the next one, or a refusal: a record whose consequences
do not hold together (a clearance that its policy can't compile, say) never comes into force.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from types import MappingProxyType
from typing import Final

from bus.errors import Reason, Refusal, refuse
from bus.labels import Clearance, Label, Policy, join, parse_label
from bus.labels.spelling import read
from bus.names import AUTHORITY, BUS
from bus.trust.frame import Envelope
from bus.trust.keys import verify
from bus.trust.roster import Trust
from schemas.models import Message, Parameters, ParametersMessage, PolicyMessage, Roster, RosterMessage
from schemas.parameters import starting_values

CONTROL: Final = "control"
"""The authority's feed, and the topic of its accepted records."""
CONTROL_KINDS: Final = frozenset({"roster", "policy", "parameters"})

LONGEST_OPEN_DAYS: Final = 300
"""However it grows, a story closes when its first report is so old: what is remembered is bounded by time."""

_MEMO_CHARS: Final = 1 << 21
"""Authors choose labels, so what is remembered of them is bounded: twenty thousand common ones; then it begins anew."""
_NO_POLICIES: Final[Mapping[str, Policy]] = MappingProxyType({})
_NO_VERSIONS: Final[Mapping[str, int]] = MappingProxyType({})
_NO_CLEARANCES: Final[Mapping[str, Clearance]] = MappingProxyType({})


class _Memo:
    """Labels by text and joins by pairs of texts, under one set of policies."""

    __slots__ = ("_chars", "joins", "labels", "reached")

    def __init__(self) -> None:
        self.labels: dict[str, Label | Refusal] = {}
        self.joins: dict[tuple[str, str], Label | None] = {}
        self.reached: dict[tuple[str, str], bool] = {}
        self._chars = 0

    def make_room(self, chars: int) -> None:
        """For a text of so many characters, or several together."""
        self._chars += chars
        if self._chars > _MEMO_CHARS:
            self.labels.clear()
            self.joins.clear()
            self.reached.clear()
            self._chars = chars


@dataclass(frozen=True, slots=True, eq=False)
class Control:
    """What holds at a position. `version` counts the control records up to it."""

    trust: Trust
    version: int = 0
    policies: Mapping[str, Policy] = field(default_factory=lambda: _NO_POLICIES)
    policy_versions: Mapping[str, int] = field(default_factory=lambda: _NO_VERSIONS)
    clearances: Mapping[str, Clearance] = field(default_factory=lambda: _NO_CLEARANCES)
    """Of every agency that may read: those of the roster, without suspended ones and `bus`."""
    parameters: Parameters = field(default_factory=starting_values)
    parameters_published: bool = False
    _memo: _Memo = field(default_factory=_Memo, repr=False)

    @classmethod
    def start(cls, pin: bytes) -> "Control":
        """Before the first record: only the pin, the digest of the first roster, is known."""
        return cls(Trust.pinned(pin))

    @property
    def roster_version(self) -> int:
        """The roster's version, 0 before the first."""
        return self.trust.version

    def label(self, text: str) -> Label | Refusal:
        """The label of this text under the policies in force; memoised."""
        labels = self._memo.labels
        found = labels.get(text)
        if found is None:
            self._memo.make_room(len(text))
            found = labels[text] = parse_label(text, self.policies)
        return found

    def join(self, a: Label, b: Label) -> Label | None:
        """The join of two labels under the policy in force, or None where there is none; memoised by the two texts."""
        key = (a.text, b.text) if a.text <= b.text else (b.text, a.text)
        joins = self._memo.joins
        if key in joins:
            return joins[key]
        policy = self.policies.get(a.policy)
        found = None if policy is None else join(policy, a, b)
        self._memo.make_room(sum(map(len, key)) + (0 if found is None else len(found.text)))
        joins[key] = found
        return found

    def reaches(self, label: Label, floor: str) -> bool:
        """Whether join(floor, label) = label; memoised by the two texts.

        A floor holds in every realm; one that can't be read, or of another policy, admits nothing.
        """
        key = (label.text, floor)
        found = self._memo.reached.get(key)
        if found is None:
            least = self.label(floor)
            found = (
                not isinstance(least, Refusal)
                and least.policy == label.policy
                and self.join(least.in_realm(label.realm), label) == label
            )
            self._memo.make_room(sum(map(len, key)))
            self._memo.reached[key] = found
        return found

    def apply(self, envelope: Envelope, message: Message, at: int) -> "Control | Refusal":
        """What holds after one more control record, accepted at `at` (UTC ms), or why it can't come into force.

        Signatures are verified here too, so that whoever can write to the log still can't change what holds.
        """
        if (message.header.agency, message.header.feed) != (AUTHORITY, CONTROL):
            return refuse(Reason.NOT_AUTHORITY, "header.agency", f"agency {AUTHORITY}, feed {CONTROL}")
        if isinstance(message, RosterMessage):
            return self._with_roster(envelope, message.body, at)
        stranger = self._stranger(envelope, at)
        if stranger is not None:
            return stranger
        if isinstance(message, PolicyMessage):
            return self._with_policy(message)
        if isinstance(message, ParametersMessage):
            return self._with_parameters(message.body)
        return refuse(Reason.UNKNOWN_TYPE, "payload type", "one of roster, policy, parameters")

    def _with_roster(self, envelope: Envelope, roster: Roster, at: int) -> "Control | Refusal":
        trust = self.trust.accept(envelope, roster, at)
        if isinstance(trust, Refusal):
            return trust
        flaw = _agencies_flaw(roster) or self._feeds_flaw(roster)
        if flaw is not None:
            return flaw
        clearances = _compile(trust, self.policies)
        if isinstance(clearances, Refusal):
            return clearances
        return replace(self, trust=trust, version=self.version + 1, clearances=clearances)

    def _with_policy(self, message: PolicyMessage) -> "Control | Refusal":
        document = message.body
        policy = Policy.from_toml(document.toml)
        if isinstance(policy, Refusal):
            return policy
        if policy.id != document.policy:
            return refuse(Reason.BAD_FIELD, "body.policy", "the id that the policy's text gives")
        following = self.policy_versions.get(policy.id, 0) + 1
        if document.version != following:
            return refuse(Reason.VERSION_GAP, "body.version", f"version {following} of this policy")
        policies = MappingProxyType({**self.policies, policy.id: policy})
        clearances = _compile(self.trust, policies)
        if isinstance(clearances, Refusal):
            return clearances
        return replace(
            self,
            version=self.version + 1,
            policies=policies,
            policy_versions=MappingProxyType({**self.policy_versions, policy.id: following}),
            clearances=clearances,
            _memo=_Memo(),
        )

    def _with_parameters(self, parameters: Parameters) -> "Control | Refusal":
        """Versions rise by one; the first record may bear the version of the starting values, which hold unsaid.

        Its numbers are what counts, not ours: another version of Tocsin may have founded the bus with others. The
        closing window never becomes longer: an event that a reader is given later would be open where others have it
        closed, and its alert would exist twice under one id.
        """
        unsaid = not self.parameters_published and parameters.version == self.parameters.version
        if not unsaid and parameters.version != self.parameters.version + 1:
            return refuse(Reason.VERSION_GAP, "body.version", f"version {self.parameters.version + 1}")
        longest = LONGEST_OPEN_DAYS if unsaid else self.parameters.cluster.closing_days
        if parameters.cluster.closing_days > longest:
            return refuse(Reason.BAD_FIELD, "body.cluster.closing_days", f"at most {longest:g}: it is never lengthened")
        return replace(self, version=self.version + 1, parameters=parameters, parameters_published=True)

    def stranger(self, envelope: Envelope, kind: str, at: int) -> Refusal | None:
        """Why a record of this kind is not signed by whom it must be, or None; nothing of it is decoded."""
        return self.trust.judge_roster(envelope) if kind == "roster" else self._stranger(envelope, at)

    def _stranger(self, envelope: Envelope, at: int) -> Refusal | None:
        """Why this is not signed by the authority, or None."""
        if len(envelope.signatures) != 1:
            return refuse(Reason.BAD_FRAME, "signatures", "exactly one signature")
        signature = envelope.signatures[0]
        key = self.trust.judge_key(signature.key_id, CONTROL, at)
        if isinstance(key, Refusal):
            return key
        if key.agency != AUTHORITY:
            return refuse(Reason.NOT_AUTHORITY, "signatures[0]", "a key of the authority")
        if not verify(key.public, signature.value, envelope.signed):
            return refuse(Reason.BAD_SIGNATURE, "signatures[0]", "a signature over exactly these bytes")
        return None

    def _feeds_flaw(self, roster: Roster) -> Refusal | None:
        """Why a feed's labels make no sense, or None; a policy that is not in force yet can't be asked."""
        for number, agency in enumerate(roster.agencies):
            for at, feed in enumerate(agency.feeds):
                place = f"body.agencies[{number}].feeds[{at}]"
                if feed.name == CONTROL and agency.name != AUTHORITY:
                    return refuse(Reason.BAD_FIELD, f"{place}.name", "another name: this feed is the authority's own")
                if isinstance(read(feed.default_label), Refusal):
                    return refuse(Reason.BAD_FIELD, f"{place}.default_label", "a label")
                for name, text in (("floor", feed.floor), ("protected_floor", feed.protected_floor)):
                    if text is not None and self._is_no_label(text):
                        return refuse(Reason.BAD_FIELD, f"{place}.{name}", "a label in its one spelling")
        return None

    def _is_no_label(self, text: str) -> bool:
        parts = read(text)
        if isinstance(parts, Refusal):
            return True
        return parts.policy in self.policies and isinstance(self.label(text), Refusal)


def _agencies_flaw(roster: Roster) -> Refusal | None:
    """Why the agencies do not go together, or None.

    A record that is released to its origin alone is released to the audience of its agency's name (labels.md, finding
    4): whoever else held this audience would read all of it.
    """
    owners = {agency.name.upper(): agency.name for agency in roster.agencies}
    for number, agency in enumerate(roster.agencies):
        place = f"body.agencies[{number}]"
        if agency.suspended and agency.name in {AUTHORITY, BUS}:
            return refuse(Reason.BAD_FIELD, f"{place}.suspended", f"false: without {agency.name} nothing is signed")
        for audience in agency.clearance.audiences:
            if owners.get(audience, agency.name) != agency.name:
                expected = f"not {audience}: it is the own audience of the agency {owners[audience]}"
                return refuse(Reason.BAD_FIELD, f"{place}.clearance.audiences", expected)
    return None


def _compile(trust: Trust, policies: Mapping[str, Policy]) -> Mapping[str, Clearance] | Refusal:
    """Every reader's clearance against the policies in force; one that does not compile refuses the record."""
    found: dict[str, Clearance] = {}
    for entry in trust.agencies:
        if entry.suspended or entry.name == BUS:
            continue
        clearance = Clearance.compile(entry.clearance, policies)
        if isinstance(clearance, Refusal):
            return clearance
        found[entry.name] = clearance
    return MappingProxyType(found)
