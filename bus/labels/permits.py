"""May this reader read this label now? The only place where a `Permit` is made.

Denied unless all hold: the label is valid, its policy held, the level in the list, every need held, every clause met,
the subject among the recipients where there are any, the realm held, the clearance in force. No administrator's bypass;
any doubt denies.
"""

from dataclasses import dataclass
from enum import StrEnum
from typing import Final, NoReturn, final

from bus.labels.clearance import Clearance
from bus.labels.label import Label, flaw
from bus.labels.policy import Policy

_PROOF: Final = object()


@final
class Permit:
    """Leave for exactly this reader to have exactly this label, under these versions.

    No content is delivered without one.
    """

    __slots__ = ("label", "policy_version", "roster_version", "subject")

    subject: str
    label: Label
    roster_version: int
    policy_version: int

    def __init__(self, proof: object, subject: str, label: Label, roster_version: int, policy_version: int) -> None:
        """Fail unless called with the private token of this module."""
        if proof is not _PROOF:
            msg = "only bus.labels.permits makes a Permit"
            raise TypeError(msg)
        put = object.__setattr__
        put(self, "subject", subject)
        put(self, "label", label)
        put(self, "roster_version", roster_version)
        put(self, "policy_version", policy_version)

    def __setattr__(self, name: str, value: object) -> NoReturn:
        """A permit is immutable."""
        msg = "a Permit is immutable"
        raise TypeError(msg)

    def __reduce__(self) -> NoReturn:
        """A permit is neither copied nor stored: it is asked for again."""
        msg = "a Permit can't be copied or stored"
        raise TypeError(msg)

    def covers(self, subject: str, label: Label) -> bool:
        """Whether this permit was made for this reader and label."""
        return self.subject == subject and (self.label is label or self.label == label)


class Ground(StrEnum):
    """Why a reader may not read."""

    INVALID_LABEL = "INVALID_LABEL"
    POLICY = "POLICY"
    LEVEL = "LEVEL"
    NEED = "NEED"
    RELEASE = "RELEASE"
    RECIPIENTS = "RECIPIENTS"
    REALM = "REALM"
    CLEARANCE_OVER = "CLEARANCE_OVER"


@dataclass(frozen=True, slots=True)
class Denial:
    """No, on every ground that applies. For operators and tests: a reader never learns of what it is denied."""

    reasons: tuple[Ground, ...]


def permits(  # noqa: PLR0913 - the versions are part of what a permit says
    policy: Policy, clearance: Clearance, label: Label, now: int, *, roster_version: int, policy_version: int
) -> Permit | Denial:
    """Whether the clearance's holder may read the label at `now` (UTC ms).

    Pure: memoise it by its arguments, with `now` up to `not_after`.
    """
    reasons = _grounds(policy, clearance, label, now)
    return Denial(reasons) if reasons else Permit(_PROOF, clearance.subject, label, roster_version, policy_version)


def _grounds(policy: Policy, clearance: Clearance, label: Label, now: int) -> tuple[Ground, ...]:
    grant = clearance.grants.get(label.policy)
    levels, need = (grant.levels, grant.need) if grant is not None else (frozenset[str](), frozenset[str]())
    audiences = clearance.audiences
    fails = (
        (flaw(policy, label) is not None, Ground.INVALID_LABEL),
        (grant is None, Ground.POLICY),
        (label.level not in levels, Ground.LEVEL),
        (not label.need <= need, Ground.NEED),
        (any(map(audiences.isdisjoint, label.release)), Ground.RELEASE),
        (label.recipients is not None and clearance.subject not in label.recipients, Ground.RECIPIENTS),
        (label.realm not in clearance.realms, Ground.REALM),
        (clearance.not_after is not None and now >= clearance.not_after, Ground.CLEARANCE_OVER),
    )
    return tuple(ground for failed, ground in fails if failed)
