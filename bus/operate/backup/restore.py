"""`tocsin restore`: from a backup to a home, with proof that nothing is missing; what does not agree makes no home.

1 the manifest 2 every file that it names is there, as long as it says, and no other 3 they are copied to a private
folder beside the new home, and the copies have the digests that it says 4 every topic of the copy has the ends, records
and digest that it says, and every outbox the head 5 the log is sound: all signatures, chains and receipts, from the pin
on 6 the databases of the agencies are sound, keys are where the roster has them, and the folder can be opened as a home
7 it takes its place; its log says that it was restored.
"""

from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from contextlib import closing
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from bus.home import FORMAT, Home, HomeError, HomeNewerError
from bus.home.files import copy_file, digest_file, make_folder
from bus.home.snapshot import check_database
from bus.home.whole import whole_folder
from bus.log.faults import LogError
from bus.log.protocol import Log
from bus.log.sqlite import SqliteLog
from bus.operate.backup.files import databases_in, visible
from bus.operate.backup.inventory import outbox_heads, topic_counts
from bus.operate.backup.keys import check_keys
from bus.operate.backup.manifest import MANIFEST, Manifest, OutboxHead, TopicCount, read_manifest
from bus.operate.backup.remembered import remember
from bus.operate.soundness import Finding, Progress
from bus.operate.soundness.finding import no_progress
from bus.operate.soundness.moment import moment_of
from bus.operate.soundness.verify import verify_pinned
from bus.stages.following import ControlFollower
from bus.trust.roster import Trust
from schemas.models import AuditedAct

PIN: Final = "pin"


@dataclass(frozen=True, slots=True)
class Restored:
    """What came of it: a home where nothing was found, else none. `checked` counts what was compared."""

    manifest: Manifest
    home: Home | None
    findings: tuple[Finding, ...]
    checked: dict[str, int]


class _Disagreement(Exception):  # noqa: N818 - no fault: it only leaves the folder that is being built
    """The copy is not what the manifest says."""


def restore(
    source: Path,
    path: Path,
    clock_ms: Callable[[], int],
    *,
    digest: str | None = None,
    progress: Progress = no_progress,
) -> Restored:
    """Make a home at `path` from the backup in `source`; with `digest`, only from the backup of this digest."""
    # 1 the manifest
    manifest = read_manifest(source)
    if manifest.home_format > FORMAT:
        raise HomeNewerError(
            f"the backup is of a home of format {manifest.home_format}, this Tocsin knows up to {FORMAT}",
            "Update Tocsin; an older version never touches a newer home.",
        )
    if digest is not None and manifest.digest != digest:
        return Restored(manifest, None, (Finding(MANIFEST, f"this is the backup {manifest.digest}"),), {})
    # 2 every file
    findings = tuple(_files(manifest, source))
    if findings:
        return Restored(manifest, None, findings, {})
    proof = _Proof(manifest, progress)
    try:
        with whole_folder(path) as folder:
            proof.build(source, folder)
    except _Disagreement:
        return Restored(manifest, None, tuple(proof.findings), proof.checked)
    # 7 a home
    home = Home.open(path)
    with closing(SqliteLog(home.log, clock_ms)) as log:
        remember(log, AuditedAct.RESTORE, f"backup {manifest.digest}")
    return Restored(manifest, home, (), proof.checked)


def _files(manifest: Manifest, source: Path) -> Iterator[Finding]:
    """Step 2, without reading them: that is done once, with the copies."""
    times = Counter(file.path for file in manifest.files)
    yield from (Finding(name, "a file that the manifest names twice") for name, often in times.items() if often > 1)
    there = {path.relative_to(source).as_posix(): path for path in visible(source) if path.is_file()}
    named = {file.path for file in manifest.files}
    yield from (Finding(name, "a file that the manifest does not name") for name in there.keys() - named - {MANIFEST})
    for file in manifest.files:
        found = there.get(file.path)
        if found is None:
            yield Finding(file.path, "the file is missing")
        elif found.stat().st_size != file.size_bytes:
            yield Finding(file.path, f"{found.stat().st_size} bytes, not {file.size_bytes}")


class _Proof:
    """Steps 3 to 6: the copy, and all that is found of it."""

    def __init__(self, manifest: Manifest, progress: Progress) -> None:
        self._manifest = manifest
        self._progress = progress
        self._trust = Trust.pinned(bytes.fromhex(manifest.pin))
        self.findings: list[Finding] = []
        self.checked: dict[str, int] = {}

    def build(self, source: Path, folder: Path) -> None:
        """Copy and prove; what does not agree ends it, for what comes later rests on it."""
        for step in (self._copies(source, folder), self._log(folder), self._databases(folder), self._home(folder)):
            self.findings += step
            if self.findings:
                raise _Disagreement

    def _copies(self, source: Path, folder: Path) -> Iterator[Finding]:
        """Step 3."""
        done, most = 0, self._manifest.size_bytes
        for name in ("keys", "agencies"):
            make_folder(folder / name)
        for file in self._manifest.files:
            target = folder / file.path
            make_folder(target.parent)
            copy_file(source / file.path, target, file.modified_ns)
            if digest_file(target) != file.sha256:
                yield Finding(file.path, "its bytes are not those of the backup: another digest")
            elif file.path == PIN and target.read_bytes() != f"{self._manifest.pin}\n".encode():
                yield Finding(file.path, "another pin than the one that the backup was proved from")
            done += file.size_bytes
            self._progress("copying files", done, most)
        self.checked["files"] = len(self._manifest.files)

    def _log(self, folder: Path) -> Iterator[Finding]:
        """Steps 4 and 5."""
        path = folder / "bus.db"
        try:
            with closing(SqliteLog(path, lambda: self._manifest.made_at)) as log:
                yield from self._counted(log)
                found = verify_pinned(bytes.fromhex(self._manifest.pin), log, progress=self._progress)
                if found.sound:
                    self._trust = ControlFollower(log, bytes.fromhex(self._manifest.pin)).read().trust
        except LogError as fault:
            yield Finding(path.name, str(fault))
            return
        yield from found.findings
        self.checked |= found.checked

    def _counted(self, log: Log) -> Iterator[Finding]:
        """Step 4."""
        moment = moment_of(log)
        yield from _differences(self._manifest.topics, topic_counts(log, moment, self._progress), "name")
        yield from _differences(self._manifest.outboxes, outbox_heads(moment), "reader")
        self.checked |= {"records": self._manifest.records, "outboxes": len(self._manifest.outboxes)}

    def _databases(self, folder: Path) -> Iterator[Finding]:
        """Step 6."""
        databases = databases_in(folder / "agencies")
        for path in databases:
            try:
                check_database(path)
            except HomeError as fault:
                yield Finding(path.relative_to(folder).as_posix(), str(fault))
        self.checked["databases"] = len(databases)

    def _home(self, folder: Path) -> Iterator[Finding]:
        """Step 6, of what is no database."""
        yield from check_keys(folder, self._trust, self._manifest.left_out)
        try:
            Home.open(folder)
        except HomeError as fault:
            yield Finding("version", str(fault).replace(f"{folder}", "the home"))


def _differences(
    said: Sequence[TopicCount | OutboxHead], found: Sequence[TopicCount | OutboxHead], name: str
) -> Iterator[Finding]:
    """Where what was counted is not what the manifest says."""
    before = {getattr(one, name): one.model_dump() for one in said}
    after = {getattr(one, name): one.model_dump() for one in found}
    for key in sorted(before.keys() | after.keys()):
        was, is_now = before.get(key), after.get(key)
        if was is None or is_now is None:
            yield Finding(key, "in the log, and not in the manifest" if was is None else "not in the log")
        elif was != is_now:
            fields = ", ".join(field for field in was if was[field] != is_now[field])
            yield Finding(key, f"not what the manifest says: {fields}")
