"""What check 8 holds a submission against: its feed in the roster, its label, the append time, the control state."""

from typing import NamedTuple

from bus.errors import Refusal
from bus.labels import Label
from bus.stages.checks.claim import Claim
from bus.stages.checks.content import Content
from bus.stages.control import Control
from schemas.models import FeedEntry


class Case(NamedTuple):
    """A decoded submission to a feed of the roster, with a label that is valid now. `at`: append time, UTC ms."""

    claim: Claim
    content: Content
    feed: FeedEntry
    label: Label
    at: int
    control: Control

    def reaches(self, floor: str) -> bool:
        """Whether the label stands at or above this floor."""
        return self.control.reaches(self.label, floor)

    def may_sign_for(self, feed: str) -> bool:
        """Whether the signing key's scope holds this feed too."""
        key = self.claim.key
        return key is not None and not isinstance(self.control.trust.judge_key(key.key_id, feed, self.at), Refusal)
