"""Whether labels have a join: what has none never forms an edge, and groups merge only where all labels have one."""

from collections.abc import Callable, Iterable
from typing import Final

from bus.labels import Label

JoinLabels = Callable[[Label, Label], Label | None]

MOST_CHARS: Final = 1 << 22
"""Authors choose labels, so what is remembered of them is bounded by their length; then it begins anew."""


def join_all(labels: Iterable[Label], label_join: JoinLabels) -> Label | None:
    """The join of all labels (at least one), taken in the order of their texts; None where there is none."""
    by_text = {label.text: label for label in labels}
    joined, *others = (by_text[text] for text in sorted(by_text))
    for label in others:
        both = label_join(joined, label)
        if both is None:
            return None
        joined = both
    return joined


class Joins:
    """Remembers which sets of labels have a join: thousands of events share a handful of labels."""

    __slots__ = ("_chars", "_label_join", "_valid")

    def __init__(self, label_join: JoinLabels) -> None:
        """Take the join under the policies in force."""
        self._label_join = label_join
        self._valid: dict[frozenset[Label], bool] = {}
        self._chars = 0

    def are_valid(self, labels: frozenset[Label]) -> bool:
        """Whether these labels (at least one) have a join."""
        if len(labels) == 1:
            return True
        valid = self._valid.get(labels)
        if valid is None:
            self._make_room(sum([len(label.text) for label in labels]))
            valid = self._valid[labels] = join_all(labels, self._label_join) is not None
        return valid

    def _make_room(self, chars: int) -> None:
        self._chars += chars
        if self._chars > MOST_CHARS:
            self._valid.clear()
            self._chars = chars
