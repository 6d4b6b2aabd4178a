"""The naive oracle of pictures.md: at each position of `events` it recomputes every reader's picture from the prefix.

It remembers only what a reader HAS and what is CLOSED (section 1); all else is computed again, for each reader alone,
from the records that this reader has. It shares no code with bus/stages/correlate.
"""

import hashlib
from collections.abc import Iterable
from functools import partial
from typing import Final

from bus.fusion.alert import AlertDraft, Related, build, payload
from bus.trust import frame
from bus.trust.keys import SigningKey
from bus.trust.roster import Trust
from schemas.codec import payload_type
from schemas.models import Change, DeliveryReason
from tests.support.oracle_picture import Closed, Had, Picture
from tests.support.oracle_prefix import ADMISSION_MS, DAY_MS, Key, Prefix, Ref, Said
from tests.support.oracle_stories import Story, acts, fused, make_node, named, variant, what_changed

FORGOTTEN_MS: Final = 90 * DAY_MS
"""Section 5: what is closed for 90 days is tombstoned."""
LONGEST_MS: Final = 300 * DAY_MS
"""How long a cluster is open at most (bus/decisions/readings-of-pictures.md, 10)."""


class Oracle:
    """Every reader's picture after each record."""

    def __init__(self, pin: bytes, bus_key: SigningKey) -> None:
        """Know only the pin, and the key under which alerts are signed."""
        self.pin = pin
        self.bus_key = bus_key
        self.prefix = Prefix(Trust.pinned(pin))
        self.pictures: dict[str, Picture] = {}
        self._seen: dict[object, list[Story]] = {}
        """A pure function's results by its arguments: readers and positions often share them."""

    def step(self, position: int, value: bytes) -> dict[str, list[bytes]]:
        """Read one record; returns what each reader is delivered because of it, encoded."""
        is_tick = self.prefix.read(position, value)
        for reader in self.prefix.clearances():
            start = hashlib.sha256(b"tocsin-chain-v1\0" + reader.encode() + b"\0" + self.pin).digest()
            self.pictures.setdefault(reader, Picture(reader, start))
        if self.prefix.is_paused:
            # Section 3: nothing is delivered and nothing retracted; what is missing comes by admission afterwards.
            return {}
        delivered = {}
        for reader, picture in self.pictures.items():
            before = len(picture.outbox)
            picture.tick = self._tick()
            if is_tick:
                self._forget(picture)
            self._rights(picture)
            if is_tick:
                self._close(picture)
            delivered[reader] = picture.outbox[before:]
        return {reader: new for reader, new in delivered.items() if new}

    # ---- records ----

    def _rights(self, picture: Picture) -> None:
        """What the reader should have against what it has (sections 2 and 3)."""
        given: list[tuple[int, Change, Said]] = []
        taken: list[tuple[int, Key, DeliveryReason]] = []
        for key in sorted({*self.prefix.said, *picture.has}):
            had = picture.has.get(key)
            found = self._visible(picture, key)
            if isinstance(found, Said):
                if had is None or had.said != found:
                    given.append((found.position, Change.UPDATE if had else Change.NEW, found))
            elif had is not None:
                taken.append((had.said.position, key, found))
        for _, change, said in sorted(given, key=lambda one: one[0]):
            self._give(picture, change, said)
        for _, key, reason in sorted(taken, key=lambda one: one[0]):
            del picture.has[key]
            picture.deliver(Change.RETRACTED, key[0], "/".join(key[1]), reason=reason)
        self._alerts(picture, {key[1]: reason for _, key, reason in taken if key[0] == "event"})

    def _visible(self, picture: Picture, key: Key) -> Said | DeliveryReason:
        """The live revision, if this reader may read it now; else why not: first that it may not read what it had."""
        live, had = self.prefix.live(picture, key), picture.has.get(key)
        if isinstance(live, Said) and self._may_read(picture, live):
            return live
        if had is not None and not self._may_read(picture, had.said):
            return self._lost(had.said)
        is_tainted = isinstance(live, Said) or (had is not None and self.prefix.is_tainted(had.said))
        return DeliveryReason.TAINTED if is_tainted else live

    def _lost(self, said: Said) -> DeliveryReason:
        return DeliveryReason.RIGHT_LOST if self.prefix.label(said.label) else DeliveryReason.LABEL_INVALID

    def _may_read(self, picture: Picture, said: Said) -> bool:
        return self.prefix.may_read(picture.reader, said.label)

    def _give(self, picture: Picture, change: Change, said: Said) -> None:
        had = picture.has.get(said.key)
        if had is None:
            # Section 2: an event whose first_at is older enters closed; delivered, never matched.
            is_old = said.first_at + self.prefix.window_ms <= self._tick()
            picture.has[said.key] = Had(said, self._tick() if is_old else None)
        else:
            # Section 3: a closed event stays closed, also for later revisions.
            had.said = said
        what = ("REVISION",) if change is Change.UPDATE else ()
        picture.deliver(change, said.kind, "/".join(said.ref), body=said.envelope, what=what)

    # ---- alerts ----

    def _alerts(self, picture: Picture, left: dict[Ref, DeliveryReason], closing: Iterable[str] = ()) -> None:
        """The alerts that the open records make now against those that the reader has, by id (sections 1 and 4)."""
        stories = self._stories(picture)
        now = {story.draft.alert_id: story for story in stories if story.draft is not None}
        before = picture.alerts
        fallen = self._fallen(picture)
        seal = self.prefix.thefts()
        picture.alerts = now
        vanished = {one: self._vanished(picture, before[one], left) for one in before if one not in now}
        for identity in sorted({*now, *before, *fallen, *closing}):
            if identity in closing:
                picture.deliver(Change.CLOSED, "alert", identity, reason=DeliveryReason.QUIET)
            elif identity in fallen:
                self._shrink(picture, identity, fallen[identity])
            elif identity not in now:
                reason, holder = vanished[identity]
                picture.deliver(Change.RETRACTED, "alert", identity, reason=reason, superseded_by=holder)
            elif identity not in before:
                picture.seals[identity] = seal
                replaces = min((one for one, (_, held) in vanished.items() if held == identity), default=None)
                signed = self._signed(now[identity].draft)
                picture.deliver(Change.NEW, "alert", identity, body=signed, replaces=replaces)
            elif variant(before[identity].draft) != variant(now[identity].draft) or picture.seals[identity] != seal:
                what = what_changed(before[identity].draft, now[identity].draft)
                what += ("SIGNATURE",) if picture.seals[identity] != seal else ()
                picture.seals[identity] = seal
                picture.deliver(Change.UPDATE, "alert", identity, body=self._signed(now[identity].draft), what=what)

    def _stories(self, picture: Picture) -> list[Story]:
        """Cluster the reader's open events, with the links that act for it: those of which it has all they name."""
        open_events = [
            had.said for key, had in sorted(picture.has.items()) if key[0] == "event" and had.closed_at is None
        ]
        events = {key[1]: had.said for key, had in picture.has.items() if key[0] == "event"}
        acting = self._acting(picture)
        arguments = (
            tuple(said.position for said in open_events),
            tuple(link.position for link in acting),
            tuple(events[ref].position for link in acting for ref in named(link)),
            self.prefix.control_version,
        )
        if arguments not in self._seen:
            self._seen[arguments] = fused(self.prefix, open_events, acting, events)
        return self._seen[arguments]

    def _acting(self, picture: Picture) -> list[Said]:
        """Section 3: a link acts for readers who have it and all it names."""
        links = [had.said for key, had in sorted(picture.has.items()) if key[0] == "link"]
        return [link for link in links if acts(link) and all(("event", ref) in picture.has for ref in named(link))]

    def _vanished(
        self, picture: Picture, story: Story, left: dict[Ref, DeliveryReason]
    ) -> tuple[DeliveryReason, str | None]:
        """Section 4, ids: why it is gone, and which alert now holds its earliest surviving member."""
        assert story.draft is not None
        surviving = [node for node in story.members if ("event", node.key) in picture.has]
        earliest = min(surviving, key=lambda node: (node.first_at, node.key), default=None)
        holder = None
        for identity, other in picture.alerts.items():
            if earliest is not None and earliest.key in {node.key for node in other.members}:
                holder = identity
        founder = story.draft.founder_key
        if ("event", founder) not in picture.has:
            return left[founder], holder
        return (DeliveryReason.MERGED if holder else DeliveryReason.BELOW_THRESHOLD), holder

    # ---- closing ----

    def _close(self, picture: Picture) -> None:
        """Section 3: 14 days past its members' latest first_at a cluster leaves with all of them; one round.

        Also when the earliest is 300 days ago.
        """
        quiet = []
        for story in self._stories(picture):
            times = [node.first_at for node in story.members]
            if max(times) + self.prefix.window_ms <= self._tick() or self._is_past(min(times), LONGEST_MS):
                quiet.append(story)
        for story in quiet:
            for node in story.members:
                picture.has["event", node.key].closed_at = self._tick()
            if story.draft is not None:
                members = [picture.has["event", node.key].said for node in story.members]
                picture.closed[story.draft.alert_id] = Closed(
                    members, story.related, story.draft, self._tick(), picture.seals[story.draft.alert_id]
                )
                del picture.alerts[story.draft.alert_id]
        self._alerts(picture, {}, {story.draft.alert_id for story in quiet if story.draft is not None})

    def _fallen(self, picture: Picture) -> dict[str, list[Said]]:
        """Section 3: closed alerts of which members are retracted, replaced, tainted or no longer readable.

        Also those that name something else which the reader may no longer read.
        """
        fallen = {}
        for identity, closed in picture.closed.items():
            out = [said for said in closed.members if self._why(picture, said) is not None]
            if out or self._readable(picture, closed.related) != closed.related or closed.seal != self.prefix.thefts():
                fallen[identity] = out
        return fallen

    def _readable(self, picture: Picture, related: tuple[Related, ...]) -> tuple[Related, ...]:
        may_read = partial(self.prefix.may_read, picture.reader)
        return tuple(tie for tie in related if all(may_read(label.text) for label in tie.labels))

    def _shrink(self, picture: Picture, identity: str, fallen: list[Said]) -> None:
        """Recompute a closed alert from the rest; id and context are frozen, and it is never split."""
        closed = picture.closed[identity]
        closed.members = [said for said in closed.members if said not in fallen]
        closed.related = self._readable(picture, closed.related)
        nodes = [make_node(self.prefix, said) for said in closed.members]
        draft = (
            build(nodes, closed.related, self.prefix.parameters, self.prefix.join, frozen_id=identity)
            if nodes
            else None
        )
        if draft is None:
            del picture.closed[identity]
            gone = [self._why(picture, said) for said in fallen if said.ref == closed.draft.founder_key]
            reason = gone[0] if gone and gone[0] else DeliveryReason.BELOW_THRESHOLD
            picture.deliver(Change.RETRACTED, "alert", identity, reason=reason)
        elif variant(draft) != variant(closed.draft) or closed.seal != self.prefix.thefts():
            what = what_changed(closed.draft, draft)
            what += ("SIGNATURE",) if closed.seal != self.prefix.thefts() else ()
            closed.draft, closed.seal = draft, self.prefix.thefts()
            picture.deliver(Change.UPDATE, "alert", identity, body=self._signed(draft), what=what)

    def _why(self, picture: Picture, cited: Said) -> DeliveryReason | None:
        """Why a member of a closed alert falls, if it does: as it was cited; expiry and amendments don't touch it."""
        if not self._may_read(picture, cited):
            return self._lost(cited)
        if self.prefix.is_tainted(cited):
            return DeliveryReason.TAINTED
        if self.prefix.is_retracted(picture, cited):
            return DeliveryReason.AUTHOR_RETRACTED
        return DeliveryReason.REPLACED if self.prefix.is_replaced(picture, cited) else None

    def _forget(self, picture: Picture) -> None:
        """Section 5: what is closed, or gone, for 90 days is tombstoned, and what can tie nothing open any more."""
        over = [key for key, had in picture.has.items() if self._is_over(picture, key, had)]
        for key in over:
            del picture.has[key]
            picture.revisions.pop((key[0], "/".join(key[1])), None)
        for identity in [
            one for one, closed in picture.closed.items() if self._is_past(closed.closed_at, FORGOTTEN_MS)
        ]:
            del picture.closed[identity]
            picture.revisions.pop(("alert", identity), None)
        for name in [name for name, at in picture.gone_at.items() if self._is_past(at, FORGOTTEN_MS)]:
            del picture.gone_at[name]
            picture.revisions.pop(name, None)

    def _is_over(self, picture: Picture, key: Key, had: Had) -> bool:
        if key[0] == "event":
            return (
                had.closed_at is not None
                and self._is_past(max(had.closed_at, had.said.accepted_at), FORGOTTEN_MS)
                and not any(key[1] in named(link) and self._names_open(picture, link) for link in self._acting(picture))
            )
        is_past = self._is_past(had.said.accepted_at, FORGOTTEN_MS + ADMISSION_MS)
        return is_past and not (key[0] == "link" and self._names_open(picture, had.said))

    def _names_open(self, picture: Picture, link: Said) -> bool:
        events = [picture.has.get(("event", ref)) for ref in named(link)]
        return any(had is not None and had.closed_at is None for had in events)

    def _is_past(self, at: int, span_ms: int) -> bool:
        return at + span_ms <= self._tick()

    def _signed(self, draft: AlertDraft | None) -> bytes:
        assert draft is not None
        return frame.sign(payload_type("alert", "alerts"), payload(draft)[1], self.bus_key).encode()

    def _tick(self) -> int:
        assert self.prefix.tick is not None, "before the first tick deliveries are paused"
        return self.prefix.tick
