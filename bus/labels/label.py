"""A label in normal form, and how to get one: from its spelling, or from a person's words completed by the policy."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import date

from bus.errors import Reason, Refusal, refuse
from bus.labels.groups import expand_clauses, fold_clause
from bus.labels.policy import NEEDS_AUDIENCE, NEEDS_RECIPIENTS, Policy
from bus.labels.spelling import NO_RELEASE, Clauses, Parts, minimal, read, render


@dataclass(frozen=True, slots=True)
class Label:
    """Who may read something. Equal, hashed and sorted by `text`, the one spelling, which holds every other field."""

    text: str
    policy: str = field(compare=False, repr=False)
    level: str = field(compare=False, repr=False)
    need: frozenset[str] = field(compare=False, repr=False)
    release: Clauses = field(compare=False, repr=False)
    recipients: frozenset[str] | None = field(compare=False, repr=False)
    controls: frozenset[str] = field(compare=False, repr=False)
    origin: frozenset[str] = field(compare=False, repr=False)
    realm: str = field(compare=False, repr=False)
    review_after: date | None = field(compare=False, repr=False)

    def __str__(self) -> str:
        """The one spelling."""
        return self.text

    @classmethod
    def of(cls, parts: Parts) -> "Label":
        """The label of these parts, in normal form. Nothing said about release means nobody."""
        release = minimal(NO_RELEASE if parts.release is None else parts.release)
        return cls(
            text=render(parts._replace(release=release)),
            policy=parts.policy,
            level=parts.level,
            need=parts.need,
            release=release,
            recipients=parts.recipients,
            controls=parts.controls,
            origin=parts.origin,
            realm=parts.realm,
            review_after=parts.review_after,
        )

    @property
    def parts(self) -> Parts:
        """The label's parts, to make another label from."""
        return Parts(
            self.policy,
            self.level,
            self.need,
            self.release,
            self.recipients,
            self.controls,
            self.origin,
            self.realm,
            self.review_after,
        )

    def in_realm(self, realm: str) -> "Label":
        """The same label in another realm: what an author's draft of an exercise or a test gets before it is signed."""
        return self if realm == self.realm else Label.of(self.parts._replace(realm=realm))


def parse_label(text: str, policies: Mapping[str, Policy]) -> Label | Refusal:
    """The label of this text: only of the very text that `str` gives back, and valid under the policy in force."""
    parts = read(text)
    if isinstance(parts, Refusal):
        return parts
    policy = policies.get(parts.policy)
    if policy is None:
        return _bad("", "a policy that is in force")
    if parts.release is None:
        return _bad("", "REL TO, NO RELEASE, FOR or PUBLIC: what is not marked is not public")
    label = Label.of(parts)
    if label.text != text:
        return _bad(
            "", "the one spelling: every list sorted, parts in their order, nothing twice, no clause that holds another"
        )
    return flaw(policy, label) or label


def expand(policy: Policy, text: str, at: int, author: str | None = None) -> Label | Refusal:
    """The label that a person means at `at` (UTC ms), ready to be signed.

    Groups become their members at `at`; a missing release becomes the level's default; ORIGIN ONLY becomes the clause
    {author}, which is nobody where no author is given; controls that the level requires are added. Nothing of this
    admits a reader whom the text does not admit.
    """
    parts = read(text)
    if isinstance(parts, Refusal):
        return parts
    level = policy.levels.get(parts.level)
    if parts.policy != policy.id or level is None:
        return _bad("", f"the policy {policy.id} and one of its levels")
    release = parts.release
    if release is None and not parts.origin_only:
        release = level.default_release
    if release is None:
        release = NO_RELEASE if author is None else frozenset({frozenset({author.upper()})})
    label = Label.of(
        parts._replace(
            release=expand_clauses(policy.groups, release, at),
            controls=parts.controls | (level.requires & policy.controls),
        )
    )
    return flaw(policy, label) or label


def display(policy: Policy, label: Label, at: int) -> str:
    """The label for a person's eye, with groups folded back to their names as of `at`; never signed, never parsed."""
    if not label.release or label.release == NO_RELEASE:
        return label.text
    folded = " & ".join(
        sorted("REL TO " + ", ".join(fold_clause(policy.groups, clause, at)) for clause in label.release)
    )
    return "//".join(folded if part.startswith("REL TO ") else part for part in label.text.split("//"))


def flaw(policy: Policy, label: Label) -> Refusal | None:
    """Why this label is not valid under the policy, or None.

    Runs for every decision, so it is made of set operations only.
    """
    level = policy.levels.get(label.level)
    if level is None or label.policy != policy.id:
        return _bad("", "a level of its policy")
    if not (label.need <= policy.need and label.controls <= policy.controls):
        return _bad("NEED", "tags that the policy knows, RESTRICTIVE in NEED and INFORMATIVE in CONTROL")
    if policy.names_group(label.release):
        return _bad("REL TO", "members instead of a group: sign what `expand` makes")
    if policy.audiences is not None and not all(clause <= policy.audiences for clause in label.release):
        return _bad("REL TO", "audiences that the policy knows")
    if level.requires or level.excludes or policy.single:
        return _rules(policy, label)
    return None


def _rules(policy: Policy, label: Label) -> Refusal | None:
    level = policy.levels[label.level]
    held = label.need | label.controls
    if label.recipients is not None:
        held |= {NEEDS_AUDIENCE, NEEDS_RECIPIENTS}
    elif label.release:
        held |= {NEEDS_AUDIENCE}
    if not level.requires <= held:
        return _bad(
            "",
            f"at this level also {', '.join(sorted(level.requires - held))} (AUDIENCE: REL TO or FOR; RECIPIENTS: FOR)",
        )
    if not level.excludes.isdisjoint(held):
        return _bad("", f"at this level no {', '.join(sorted(level.excludes & held))}")
    if any(len(group & held) > 1 for group in policy.single):
        return _bad("NEED", "at most one tag of each group of which the policy allows one")
    return None


def _bad(part: str, expected: str) -> Refusal:
    return refuse(Reason.BAD_LABEL, f"label//{part}" if part else "label", expected)
