"""The oracle itself: of a scene that is sound it finds nothing, and each thing that is forged in it, it finds."""

import random
import shutil
from collections.abc import Callable
from pathlib import Path
from typing import Final

import apsw
import pytest

from schemas.codec import decode_trusted
from schemas.delivery import encode_middle, next_chain, with_chain, without_chain
from schemas.registry import newest
from tests.chaos.conductor import EVERYDAY, Conductor
from tests.chaos.field import THE_BUS, Field, every_actor
from tests.chaos.folds import replayed
from tests.chaos.judge import judge
from tests.chaos.moments import Moment
from tests.chaos.scene import Scene, make_scene
from tests.chaos.test_killed import FIRST

_STAND: Final = "SELECT id, value FROM records WHERE id >> 40 = (SELECT number FROM topics WHERE name = ?) ORDER BY id"


@pytest.fixture
def sound(tmp_path: Path, founded: Path) -> Scene:
    """What a small campaign leaves behind, in which the oracle finds nothing."""
    scene = make_scene(tmp_path / "sound", 31, like=founded)
    with Field(scene, random.Random(31)) as field:
        moments = {THE_BUS: [FIRST, Moment("correlate.after", 3)]}
        Conductor(field, {actor: moments.get(actor, ()) for actor in every_actor(scene)}, EVERYDAY).run()
        field.drain()
    judgement = judge(scene, replayed)
    assert not judgement.findings, "\n".join(map(str, judgement.findings))
    assert min(judgement.counts[:3]) > 0
    return scene


def _values(scene: Scene, topic: str, change: Callable[[list[bytes]], None]) -> None:
    """Change what stands in a topic, behind everybody's back; what is appended gets a place of its own."""
    log = apsw.Connection(str(scene.home.log))
    rows: list[tuple[int, bytes]] = log.execute(_STAND, (topic,)).fetchall()  # type: ignore[assignment]
    values = [value for _, value in rows]
    change(values)
    for (at, _), value in zip(rows, values, strict=False):
        log.execute("UPDATE records SET value = ? WHERE id = ?", (value, at))
    for number, value in enumerate(values[len(rows) :], rows[-1][0] + 1):
        log.execute("INSERT INTO records VALUES (?, 0, x'', ?, NULL)", (number, value))
    log.execute("UPDATE topics SET next = next + ? WHERE name = ?", (len(values) - len(rows), topic))
    log.close()


def _flipped(value: bytes, at: int) -> bytes:
    return value[:at] + bytes([value[at] ^ 1]) + value[at:][1:]


def acknowledge_what_never_was(scene: Scene) -> None:
    with scene.acknowledged("aa").open("a") as book:
        book.write('[["event", "field", "e:never", 1, null]]\n')


def write_a_receipt_twice(scene: Scene) -> None:
    _values(scene, "receipts.aa", lambda values: values.__setitem__(1, values[0]))


def write_a_receipt_too_many(scene: Scene) -> None:
    _values(scene, "receipts.aa", lambda values: values.append(values[0]))


def change_what_was_refused(scene: Scene) -> None:
    _values(scene, "rejected.aa", lambda values: values.__setitem__(0, b"something else"))


def accept_twice(scene: Scene) -> None:
    _values(scene, "events", lambda values: values.append(max(values, key=len)))


def change_a_signature(scene: Scene) -> None:
    def change(values: list[bytes]) -> None:
        at = max(at for at, value in enumerate(values) if value.startswith(newest("accepted").prefix))
        values[at] = _flipped(values[at], -1)

    _values(scene, "events", change)


def deliver_twice(scene: Scene) -> None:
    _values(scene, "outbox.aa", lambda values: values.append(values[-1]))


def break_a_chain(scene: Scene) -> None:
    _values(scene, "outbox.aa", lambda values: values.__setitem__(3, _flipped(values[3], -1)))


def deliver_what_nobody_said(scene: Scene) -> None:
    _values(scene, "outbox.aa", lambda values: values.__setitem__(0, _flipped(values[0], 200)))


def deliver_one_more_in_its_order(scene: Scene) -> None:
    def one_more(values: list[bytes]) -> None:
        last = decode_trusted(newest("delivery"), values[-1])
        made = {name: last[name] for name in ("change", "reason", "kind", "ref", "body")}
        unchained = without_chain(last["sequence"] + 1, last["revision"] + 1, encode_middle(**made))
        values.append(with_chain(unchained, next_chain(last["chain"], unchained)))

    _values(scene, "outbox.aa", one_more)


def forget_a_delivery(scene: Scene) -> None:
    _lines(scene.received("aa"), lambda lines: lines.pop())


def read_a_delivery_twice(scene: Scene) -> None:
    _lines(scene.received("aa"), lambda lines: lines.append(lines[-1]))


def read_another_delivery(scene: Scene) -> None:
    _lines(scene.received("aa"), lambda lines: lines.__setitem__(-1, f"{lines[-1].split()[0]} {'ab' * 32}"))


def forget_what_is_held(scene: Scene) -> None:
    _lines(scene.picture("aa"), lambda lines: lines.pop())


def _lines(path: Path, change: Callable[[list[str]], object]) -> None:
    lines = path.read_text("utf-8").splitlines()
    change(lines)
    path.write_text("".join(f"{line}\n" for line in lines), "utf-8")


FORGED: Final[dict[Callable[[Scene], None], str]] = {
    acknowledge_what_never_was: "1: lost",
    write_a_receipt_twice: "2: receipt",
    write_a_receipt_too_many: "2: receipt",
    change_what_was_refused: "2: rejected",
    accept_twice: "3: doubled",
    change_a_signature: "3: signature",
    deliver_twice: "4: sequence",
    break_a_chain: "4: chain",
    deliver_what_nobody_said: "4: foreign",
    forget_a_delivery: "5: reader",
    read_a_delivery_twice: "5: reader",
    read_another_delivery: "5: reader",
    forget_what_is_held: "5: picture",
    deliver_one_more_in_its_order: "6: delivery",
}


@pytest.mark.slow
def test_what_is_forged_is_found(sound: Scene, tmp_path: Path) -> None:
    for forge, wanted in FORGED.items():
        scene = sound._replace(folder=tmp_path / forge.__name__)
        shutil.copytree(sound.folder, scene.folder)
        forge(scene)
        found = [str(finding) for finding in judge(scene, replayed).findings]
        assert any(one.startswith(wanted) for one in found), (forge.__name__, found)
