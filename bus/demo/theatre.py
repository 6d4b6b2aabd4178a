"""The bus of the demo and what is done with it: what the acts call, each in its turn."""

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path
from typing import Final, Self

from adapters import load
from adapters.translation import Draft
from bus.client import Authority, Publisher, Subscriber, open_publisher, signing_key
from bus.clock import now_ms
from bus.config import Settings
from bus.demo.attacks import Attack, Target, attacks
from bus.demo.cast import POLICY, Cast, CastError, Player, Sheet
from bus.demo.places import places
from bus.demo.reading import Reading, read
from bus.demo.tally import Corrected, Sent, Tally, ledger
from bus.errors import Refusal
from bus.home import Home, load_keys
from bus.log.protocol import Log, NewRecord
from bus.log.sqlite import SqliteLog
from bus.log.topics import topic
from bus.names import BUS
from bus.operate import ClearanceTerms, Desk, FeedTerms, found
from bus.stages.run import Runner
from bus.trust import frame
from schemas.models import RetractionReason

ATTACKED: Final = "health"
OUTSIDER: Final = "newsroom"
CORRECTED: Final = "explosives"
PUBLIC: Final = f"{POLICY} UNCLASSIFIED//PUBLIC"


class Theatre:
    """One demo under way."""

    def __init__(self, home: Home, log: Log, players: Cast) -> None:
        """Play in this home, which is founded, with agencies that are admitted."""
        self._home = home
        self._log = log
        self._cast = players
        self._authority = Authority(log, home.pin())
        self._drafts: dict[tuple[str, str], tuple[Draft, ...]] = {}
        self._sent: list[Sent] = []
        self._attacks: list[Attack] = []
        self._readings: tuple[Reading, ...] = ()
        self._amended = self._withdrawn = ""

    @classmethod
    @contextmanager
    def open(cls, path: Path, players: Cast) -> Iterator[Self]:
        """Found a bus, and admit everyone."""
        home = found(path)
        log = SqliteLog(home.log, now_ms)
        try:
            desk = Desk(home, log)
            for player in players.agency:
                _admitted(desk.admit(player.name, _feeds(player), _clearance(player)))
            yield cls(home, log, players)
        finally:
            log.close()

    def publish(self) -> None:
        """Every agency publishes its sheets through the adapter of their format."""
        for player in self._cast.agency:
            for sheet in player.sheet:
                translation = load(sheet.format).translate(sheet.data(), sheet.options())
                self._drafts[player.name, sheet.feed] = translation.drafts
                sent = self._publish(player.name, sheet, translation.drafts)
                self._sent.append(Sent(player.name, sheet, sent, len(translation.refused)))

    def attack(self) -> None:
        """Append hostile bytes to an agency's submissions."""
        feed = next(sheet.feed for player in self._cast.agency if player.name == ATTACKED for sheet in player.sheet)
        keys = {name: signing_key(self._home, self._authority, name, feed, now_ms()) for name in (ATTACKED, OUTSIDER)}
        submissions = topic("submissions", ATTACKED)
        record = next(frame.parse(one.value) for one in self._log.read(submissions))
        if isinstance(record, Refusal):
            raise _broken()
        self._attacks = list(attacks(Target(ATTACKED, record, keys[ATTACKED], keys[OUTSIDER], PUBLIC)))
        for attack in self._attacks:
            self._log.append(submissions, [NewRecord(submissions, feed.encode(), attack.data)])

    def run(self) -> None:
        """Run all stages until nothing is left to do."""
        keys = load_keys(self._home, BUS)
        Runner(self._log, pin=self._home.pin(), bus_key=keys[-1], settings=Settings()).run(until_idle=True)

    def correct(self) -> None:
        """One author amends a report that stands in an alert of several, and takes back another."""
        amended, withdrawn = self._own_members(CORRECTED)[:2]
        sheet = next(sheet for player in self._cast.agency if player.name == CORRECTED for sheet in player.sheet)
        draft = next(one for one in self._drafts[CORRECTED, sheet.feed] if one.id == amended)
        source = {**draft.body["source"], "reliability": "B", "credibility": 2}
        self._publish(CORRECTED, sheet, [replace(draft, body={**draft.body, "source": source})])
        publisher = self._publisher(CORRECTED, sheet)
        try:
            publisher.retract("event", sheet.feed, [withdrawn], RetractionReason.ERROR)
        finally:
            publisher.close()
        self._amended, self._withdrawn = (f"{CORRECTED}/{sheet.feed}/{one}" for one in (amended, withdrawn))

    def read(self) -> None:
        """Every agency reads its outbox to the end, and verifies each of its alerts."""
        pin = self._home.pin()
        self._readings = tuple(read(self._log, pin, self._authority, player.name) for player in self._cast.agency)

    def tally(self) -> Tally:
        """Count what happened."""
        names = [player.name for player in self._cast.agency]
        return Tally(
            self._log.describe().engine,
            self._cast,
            tuple(self._sent),
            ledger(self._log, names, self._attacks),
            self._readings,
            places(self._readings),
            Corrected(self._amended, tuple(one.agency for one in self._readings if self._amended in one.amended)),
            Corrected(self._withdrawn, tuple(one.agency for one in self._readings if self._withdrawn in one.retracted)),
        )

    def _own_members(self, agency: str) -> list[str]:
        """Ids of the agency's reports in its alerts of several reports, in order."""
        picture = Subscriber(self._log, agency, self._home.pin()).catch_up()
        alerts = [found.body for alert_id in picture.alerts() if (found := picture.alert(alert_id))]
        fused = [alert.members for alert in alerts if len(alert.members) > 1]
        return sorted({member.id for members in fused for member in members if member.agency == agency})

    def _publisher(self, agency: str, sheet: Sheet) -> Publisher:
        return open_publisher(self._home, self._log, agency, sheet.feed)

    def _publish(self, agency: str, sheet: Sheet, drafts: Sequence[Draft]) -> int:
        publisher = self._publisher(agency, sheet)
        try:
            exercise = self._cast.exercise if sheet.is_made_up else None
            done = publisher.publish(drafts, sheet.feed, exercise=exercise)
        finally:
            publisher.close()
        if done.refused:
            raise CastError(f"{sheet.file} was refused: {done.refused[0].refusal}", "Install Tocsin again.")
        return done.sent


def _feeds(player: Player) -> tuple[FeedTerms, ...]:
    return tuple(FeedTerms(one.feed, one.label, one.label, curated=one.curated) for one in player.sheet)


def _clearance(player: Player) -> ClearanceTerms:
    return ClearanceTerms((f"{POLICY} {player.level}",), player.need, player.audiences, player.realms)


def _admitted(entry: object) -> None:
    if isinstance(entry, Refusal):
        raise CastError(f"an agency was not admitted: {entry}", "Install Tocsin again.")


def _broken() -> CastError:
    return CastError("a record of the demo's own can't be read", "Install Tocsin again.")
