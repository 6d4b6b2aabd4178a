"""A mapping bound to the columns that a sheet has: names become positions, once per file."""

from collections.abc import Callable, Iterable, Sequence
from typing import Final, NamedTuple, TypeVar

from adapters.cells import is_positive, plain
from adapters.display import shown
from adapters.refusals import Code, Refused, refuse_file
from adapters.table.mapping import Actor, Columns, Condition, Count, Mapping, Rule
from schemas.models.enums import ActorClass

ANOTHER: Final = "another column says this: "
PERSONAL: Final = "personal data"

T = TypeVar("T")


class Memo(dict[str, T]):
    """What a cell's text means, worked out once per distinct text of a file."""

    def __init__(self, meaning: Callable[[str], T]) -> None:
        """Remember what `meaning` says."""
        super().__init__()
        self._meaning = meaning

    def __missing__(self, text: str) -> T:
        """Ask, and keep the answer."""
        found = self[text] = self._meaning(text)
        return found


class BoundCondition(NamedTuple):
    """A condition: the positions of its columns, and what a cell there must say."""

    at: tuple[int, ...]
    holds: Memo[bool]


class BoundRule(NamedTuple):
    """A rule whose columns the sheet has."""

    rule: Rule
    conditions: tuple[BoundCondition, ...]


class BoundCount(NamedTuple):
    """A count: what is counted, the types it implies above zero, and the positions of its figures."""

    kind: dict[str, str]
    implied: tuple[str, ...]
    low: int | None
    best: int | None
    high: int | None
    plus: tuple[int, ...]


class BoundActor(NamedTuple):
    """An actor with the positions of class and name."""

    actor: Actor
    class_at: int | None
    name_at: int | None


class Binder:
    """Finds columns by their names and keeps account of which are read, and why others are not."""

    def __init__(self, columns: Sequence[str]) -> None:
        """Index a sheet's columns."""
        self.columns = columns
        self._at = {plain(name): at for at, name in reversed(list(enumerate(columns)))}
        self.read: set[int] = set()
        self.why: dict[int, str] = {}
        self.absent: list[str] = []

    def one(self, names: Columns | None) -> int | None:
        """Position of the first of these names that the sheet has; its other names are not read, and that is said."""
        found = self._present(names)
        if not found:
            self.miss(names)
            return None
        self.read.add(found[0])
        for other in found[1:]:
            self.why.setdefault(other, ANOTHER + self.columns[found[0]])
        return found[0]

    def any(self, names: Columns | None) -> tuple[int, ...]:
        """Positions of all of these names that the sheet has."""
        found = self._present(names)
        self.miss(names)
        self.read.update(found)
        return found

    def has(self, names: Columns) -> bool:
        """Tell whether the sheet has a column of one of these names."""
        return bool(self._present(names))

    def leave(self, names: Iterable[str], why: str) -> tuple[int, ...]:
        """Say why columns are not read."""
        found = self._present(tuple(names))
        for at in found:
            self.why[at] = why
        return found

    def miss(self, names: Columns | None) -> None:
        """Remember a column that is asked for under these names, but not in the sheet."""
        if names and not self._present(names) and names[0] not in self.absent:
            self.absent.append(names[0])

    def _present(self, names: Columns | None) -> tuple[int, ...]:
        return tuple(dict.fromkeys(self._at[key] for name in names or () if (key := plain(name)) in self._at))


class Plan:
    """Everything about a mapping and a sheet that is the same for each row."""

    def __init__(self, mapping: Mapping, columns: Sequence[str]) -> None:
        """Bind a mapping to a sheet's columns."""
        bind = Binder(columns)
        self.mapping = mapping
        self.columns = tuple(columns)
        self.id = bind.one(mapping.id.column)
        self.modified = bind.one(mapping.modified)
        self.when, self.to = bind.one(mapping.when.column), bind.one(mapping.when.to)
        where = mapping.where
        self.lat, self.lon, self.precision = bind.one(where.lat), bind.one(where.lon), bind.one(where.precision)
        self.country, self.place = bind.one(where.country), bind.one(where.name)
        self.admin = tuple((level, bind.one(names)) for level, names in ((1, where.admin1), (2, where.admin2)))
        self.reported = bind.one(mapping.source.reported)
        self.headline, self.description = bind.one(mapping.texts.headline), bind.one(mapping.texts.description)
        self.actors = tuple(BoundActor(a, bind.one(a.class_), bind.one(a.name)) for a in mapping.actor)
        self.counts = tuple(bound for count in mapping.count if (bound := _count(count, bind)))
        self.rules = tuple(found for rule in mapping.rule if (found := _rule(rule, bind)))
        self.attributes = tuple(
            (f"{mapping.format}.{names[0]}", at) for names in mapping.attributes if (at := bind.one(names)) is not None
        )
        self._say_why(bind)
        self.comma = mapping.decimal_comma
        self.absent = tuple(bind.absent)
        self.read = frozenset(bind.read)
        self.why = bind.why
        self.unknown = frozenset(plain(word) for word in mapping.unknown)
        self.silent: Memo[bool] = Memo(lambda text: not text.strip() or plain(text) in self.unknown)
        self.radius = Memo(self._radius)
        self.actor_class = Memo(self._actor_class)
        self.spelled = {plain(name): code for name, code in mapping.where.countries.items()}

    def _say_why(self, bind: Binder) -> None:
        for name, why in self.mapping.drop.items():
            bind.leave([name], why)
        self.personal = frozenset(bind.leave(self.mapping.personal, PERSONAL)) - bind.read
        for at in bind.read:
            bind.why.pop(at, None)

    def missing(self) -> Refused | None:
        """Refuse a sheet that lacks what no draft can be without."""
        for at, names in ((self.id, self.mapping.id.column), (self.when, self.mapping.when.column)):
            if at is None:
                return refuse_file(Code.UNKNOWN_LAYOUT, f"a column {shown(names[0])}", field=names[0])
        return None

    def _radius(self, text: str) -> tuple[float | None, bool, bool]:
        """Radius in km, whether the point is more than a centroid, and whether the code is one of the mapping's."""
        text = plain(text)
        for word in self.mapping.precision:
            if any(part.casefold() in text for part in word.contains):
                return word.km, word.km is not None, True
        return self.mapping.where.km, True, False

    def _actor_class(self, text: str) -> str | None:
        text = plain(text)
        for word in self.mapping.actor_class:
            if any(part.casefold() in text for part in word.contains):
                return str(word.is_)
        return None


def recognised(mapping: Mapping, columns: Sequence[str]) -> bool:
    """Tell whether a sheet is the one that a mapping is for."""
    bind = Binder(columns)
    return bool(mapping.recognise) and all(bind.has(names) for names in mapping.recognise)


def _count(count: Count, bind: Binder) -> BoundCount | None:
    low, best, high = bind.one(count.low), bind.one(count.best), bind.one(count.high)
    plus = bind.any(count.plus)
    if low is None and best is None and high is None and not plus:
        return None
    kind = {"what": str(count.what), "unit": str(count.unit), "basis": str(count.basis)}
    if count.of is not None:
        kind["of"] = str(count.of)
    return BoundCount(kind, count.type, low, best, high, plus)


def _rule(rule: Rule, bind: Binder) -> BoundRule | None:
    for condition in rule.when:
        bind.miss(condition.column)
    if not all(bind.has(condition.column) for condition in rule.when):
        return None
    conditions = tuple(BoundCondition(bind.any(each.column), Memo(_test(each))) for each in rule.when)
    return BoundRule(rule, conditions)


def _test(condition: Condition) -> Callable[[str], bool]:
    if condition.contains is None:
        return is_positive
    words = tuple(word.casefold() for word in condition.contains)
    return lambda text: any(word in plain(text) for word in words)


UNKNOWN_CLASS: Final = str(ActorClass.UNKNOWN)
