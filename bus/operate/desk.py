"""The authority's desk: who is admitted, with which keys, feeds and clearance.

Each change is the next roster, signed by the root, which passes ingest like any record. In numbered steps:

1. take the desk: one change at a time. 2. finish what is pending, so that the change builds on the newest roster.
3. build and sign the next roster. 4. submit it. 5. wait until ingest has judged it: by the bus that runs, or else by
the authority's own shard, here.
"""

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Final

from bus.clock import now_ms
from bus.config import Settings
from bus.errors import Refusal
from bus.home import Home
from bus.log.protocol import Log
from bus.names import AUTHORITY, ROOT
from bus.operate.admission import (
    LEAST,
    REPORTS,
    ClearanceTerms,
    FeedTerms,
    agency_name,
    claimed_silently,
    clearance_entry,
    feed_entry,
)
from bus.operate.faults import DeskError
from bus.operate.keys import held_keys, kept_or_new, key_now
from bus.operate.records import Place, parameters_record, policy_record, roster_record
from bus.operate.rosters import (
    Change,
    changeable,
    entry_of,
    following,
    key_entry,
    with_agency,
    with_clearance,
    with_feed,
    with_key,
    with_suspension,
)
from bus.operate.submit import last_sequence, submit
from bus.stages.control import CONTROL, Control
from bus.stages.following import ControlFollower, follow
from bus.trust import frame
from bus.trust.keys import SigningKey
from bus.trust.roster import ALL_FEEDS
from schemas.models import AgencyEntry, KeyEntry, Parameters, PolicyDocument, Roster

DESK: Final = "desk"


class Desk:
    """The authority at work in one home, which holds its keys."""

    def __init__(
        self,
        home: Home,
        log: Log,
        *,
        pin: bytes | None = None,
        settings: Settings | None = None,
        clock_ms: Callable[[], int] = now_ms,
    ) -> None:
        """Work in this home; `pin` only where the home is not finished and holds none."""
        self._home = home
        self._log = log
        self._pin = home.pin() if pin is None else pin
        self._follower = ControlFollower(log, self._pin)
        self._settings = settings or Settings()
        self._clock_ms = clock_ms

    @property
    def control(self) -> Control:
        """What the authority has said so far."""
        return self._follower.read()

    @property
    def roster(self) -> Roster:
        """The roster in force."""
        roster = self.control.trust.roster
        if roster is None:
            raise DeskError("the home has no roster", "Run `tocsin init` again: it goes on where it was interrupted.")
        return roster

    def agency(self, name: str) -> AgencyEntry | Refusal:
        """An agency's entry in the roster in force."""
        return entry_of(self.roster, name)

    def settle(self) -> None:
        """Finish what is pending: what an interrupted change has submitted is judged."""
        with self.at_work():
            pass

    def admit(
        self, name: str, feeds: tuple[FeedTerms, ...] = (REPORTS,), clearance: ClearanceTerms = LEAST
    ) -> AgencyEntry | Refusal:
        """Admit an agency: make its key, enter it with its feeds and clearance; returns when the roster is in force."""
        checked = agency_name(name)
        if isinstance(checked, Refusal):
            return checked
        with self.at_work():
            policies, now = self.control.policies, self._clock_ms()
            claimed = claimed_silently(name, clearance.audiences, policies)
            if claimed is not None:
                return claimed
            entries = [feed_entry(name, terms, policies, now) for terms in feeds]
            cleared = clearance_entry(name, clearance, policies)
            for one in (*entries, cleared):
                if isinstance(one, Refusal):
                    return one
            fields = {"name": name, "clearance": cleared, "feeds": tuple(entries)}
            if not isinstance(known := with_agency(AgencyEntry.model_validate(fields))(self.roster), Roster):
                return known
            keys = (key_entry(self.unused_key(name).public, (ALL_FEEDS,), now),)
            done = self.publish(with_agency(AgencyEntry.model_validate(fields | {"keys": keys})))
        return done if isinstance(done, Refusal) else entry_of(done, name)

    def clear(self, name: str, clearance: ClearanceTerms) -> AgencyEntry | Refusal:
        """Give an agency another clearance."""
        with self.at_work():
            cleared = clearance_entry(name, clearance, self.control.policies)
            if isinstance(cleared, Refusal):
                return cleared
            done = self.publish(with_clearance(name, cleared))
        return done if isinstance(done, Refusal) else entry_of(done, name)

    def feed(self, name: str, terms: FeedTerms) -> AgencyEntry | Refusal:
        """Give an agency a feed, or change the terms of one."""
        with self.at_work():
            entry = feed_entry(name, terms, self.control.policies, self._clock_ms())
            if isinstance(entry, Refusal):
                return entry
            done = self.publish(with_feed(name, entry))
        return done if isinstance(done, Refusal) else entry_of(done, name)

    def suspend(self, name: str, *, suspended: bool = True) -> AgencyEntry | Refusal:
        """Suspend an agency: its keys are no good and it reads nothing; or end that."""
        with self.at_work():
            done = self.publish(with_suspension(name, suspended))
        return done if isinstance(done, Refusal) else entry_of(done, name)

    def new_key(self, name: str, feeds: tuple[str, ...] = (ALL_FEEDS,)) -> KeyEntry | Refusal:
        """Make an agency one more key, good for these feeds."""
        with self.at_work():
            known = changeable(self.roster, name)
            if isinstance(known, Refusal):
                return known
            key = key_entry(self.unused_key(name).public, feeds, self._clock_ms())
            done = self.publish(with_key(name, key))
        return done if isinstance(done, Refusal) else key

    def publish_policy(self, document: PolicyDocument) -> Refusal | None:
        """Put a label policy into force."""
        with self.at_work():
            place = self._place()
            return self._submit(policy_record(document, place, self._key(place.now)))

    def publish_parameters(self, parameters: Parameters) -> Refusal | None:
        """Put numbers of fusion into force."""
        with self.at_work():
            place = self._place()
            return self._submit(parameters_record(parameters, place, self._key(place.now)))

    def renew(self) -> Roster | Refusal:
        """The same roster once more, good for another year."""
        with self.at_work():
            return self.publish(lambda roster: roster)

    @contextmanager
    def at_work(self) -> Iterator[None]:
        """Steps 1 and 2: within it nobody else changes the roster."""
        reader = self._log.take(DESK, ())
        try:
            submit(self._log, (), self._pin, self._settings, self._clock_ms)
            yield
        finally:
            reader.release()

    def publish(self, change: Change) -> Roster | Refusal:
        """Steps 3 to 5, at work only; returns the roster that is now in force."""
        place, before = self._place(), self.roster
        changed = change(before)
        if isinstance(changed, Refusal):
            return changed
        roster = following(changed, place.now)
        signers = {key.public.key_id: key for one in (before, changed) for key in self._roots(one)}
        refusal = self._submit(roster_record(roster, place, list(signers.values())))
        return roster if refusal is None else refusal

    def _submit(self, envelope: frame.Envelope) -> Refusal | None:
        return submit(self._log, (envelope,), self._pin, self._settings, self._clock_ms)

    def _place(self) -> Place:
        return Place(self._clock_ms(), last_sequence(self._log) + 1)

    def _key(self, at: int) -> SigningKey:
        """The authority's own key, with which it signs all but rosters."""
        return key_now(self._home, self.control.trust, AUTHORITY, CONTROL, at)

    def _roots(self, roster: Roster) -> list[SigningKey]:
        """As many root keys as the roster asks for."""
        known = {key.key_id for key in roster.roots.keys}
        held = [key for key in held_keys(self._home, ROOT) if key.public.key_id in known]
        if len(held) < roster.roots.threshold:
            raise DeskError(
                f"the roster asks for {roster.roots.threshold} root signatures, this home can give {len(held)}",
                f"Copy the missing root keys into keys/{ROOT} of this home.",
            )
        return held[: roster.roots.threshold]

    def now(self) -> int:
        """UTC ms."""
        return self._clock_ms()

    def unused_key(self, agency: str, taken: frozenset[str] = frozenset()) -> SigningKey:
        """A key of this agency in the home, which no roster holds yet, and that is none of these."""
        entered = frozenset(key.key_id for one in self.roster.agencies for key in one.keys)
        return kept_or_new(self._home, agency, entered | taken)

    def unused_root(self) -> SigningKey:
        """A root key in the home that no roster has ever held: what was let go never comes back."""
        entered: set[str] = set()
        control = Control.start(self._pin)
        for record in self._log.read(CONTROL):
            _, control = follow(control, record)
            if control.trust.roster is not None:
                entered.update(key.key_id for key in control.trust.roster.roots.keys)
        return kept_or_new(self._home, ROOT, frozenset(entered))
