"""`tocsin backup` and `tocsin restore`: the home's safety, and the way back."""

from argparse import Namespace
from pathlib import Path
from typing import TYPE_CHECKING

from bus.cli.bar import bar
from bus.cli.commands import Commands
from bus.cli.exits import DONE, NO
from bus.cli.home import home_path, opened
from bus.cli.output import Output, moment

if TYPE_CHECKING:
    from bus.operate.backup import Manifest, Restored


def add(commands: Commands) -> None:
    """Declare the commands."""
    parser = commands.add("backup", _backup, "Back the home up into a new folder, while the bus runs")
    parser.add_argument("folder", metavar="DEST", help="a new folder, best on another disk; nothing is overwritten")
    parser.add_argument(
        "--quick", action="store_true", help="leave signatures and chains to be verified when it is restored"
    )
    parser = commands.add("restore", _restore, "Make a home from a backup, with proof that nothing is missing")
    parser.add_argument("folder", metavar="SRC", help="the folder that `tocsin backup` made")
    parser.add_argument("--digest", metavar="HEX", help="only if this is the backup's digest, as `backup` printed it")


def _backup(args: Namespace, output: Output) -> int:
    from bus.clock import now_ms
    from bus.log.faults import LogError
    from bus.operate.backup import back_up, remember
    from schemas.models import AuditedAct

    target = Path(args.folder)
    with opened(args) as bus:
        with bar(output) as progress:
            made = back_up(bus.home, target, now_ms, quick=args.quick, progress=progress)
        try:
            remember(bus.log, AuditedAct.BACKUP, f"backup {made.digest}")
        except LogError as fault:
            output.note(f"! the backup is made, and the log could not note it: {fault}")
    if output.as_json:
        output.document({"folder": str(target), **_json(made)})
        return DONE
    output.line(f"A backup is made at {target}: all that was acknowledged until {moment(made.made_at)}.")
    output.line(f"  files     {len(made.files)}, {made.size_bytes / 1e6:.1f} MB")
    output.line(f"  log       {made.records} records in {len(made.topics)} topics, {_verified(made)}")
    output.line(f"  outboxes  {', '.join(f'{one.reader} {one.sequence}' for one in made.outboxes) or 'none yet'}")
    output.line(f"  digest    {made.digest}")
    output.line("            keep it elsewhere: `tocsin restore --digest` holds the backup to it")
    for name in made.left_out:
        output.note(f"! {name} is left out: a link to a folder elsewhere, or no file; keep a copy of it yourself")
    output.note("The backup holds private keys: keep it as safe as the home.")
    return DONE


def _restore(args: Namespace, output: Output) -> int:
    from bus.clock import now_ms
    from bus.operate.backup import restore

    with bar(output) as progress:
        done = restore(Path(args.folder), home_path(args), now_ms, digest=args.digest, progress=progress)
    if output.as_json:
        findings = [one._asdict() for one in done.findings]
        said = {"home": str(home_path(args)), "restored": done.home is not None, "findings": findings}
        output.document({**said, "checked": done.checked, **_json(done.manifest)})
        return NO if done.home is None else DONE
    if done.home is None:
        output.line(f"No home is made: {args.folder} is not what its manifest says.")
        for one in done.findings:
            output.line(f"  {one.place}: {one.what}")
        output.note("Take another backup. Nothing was written; the folder is left as it is.")
        return NO
    _print(output, args, done)
    return DONE


def _print(output: Output, args: Namespace, done: "Restored") -> None:
    made, checked = done.manifest, done.checked
    output.line(f"A home is restored at {home_path(args)}. Nothing is missing:")
    output.line(f"  ok  {checked['files']} files, each with its digest")
    output.line(f"  ok  {checked['records']} records in {checked['topics']} topics: ends, numbers and digests")
    output.line(f"  ok  {checked['control']} records of the authority, from the pin {made.pin[:16]}… on")
    output.line(f"  ok  {checked['signatures']} signatures, each by a key that the roster then in force let sign")
    output.line(f"  ok  {checked['receipts']} receipts, against submissions, events and refused bytes")
    output.line(f"  ok  {checked['deliveries']} deliveries in {checked['outboxes']} outboxes, each chain to its head")
    output.line(f"  ok  {checked['databases']} databases of agencies")
    output.line()
    output.line(f"It stands as of {moment(made.made_at)}. What came later is not in it:")
    output.line("  agencies publish again what they published since: what is there already is not sent twice")
    output.line("  a reader that had read further says so, and begins anew with `tocsin resync`")
    output.line("Let only one home of this bus run: two would tell readers different things under one number.")


def _verified(made: "Manifest") -> str:
    return "all signatures and chains verified" if made.verified else "signatures and chains not verified"


def _json(made: "Manifest") -> dict[str, object]:
    fields = ("made_at", "software", "pin", "control_version", "roster_version", "records", "size_bytes", "verified")
    return {
        "digest": made.digest,
        **{name: getattr(made, name) for name in fields},
        "files": len(made.files),
        "topics": len(made.topics),
        "outboxes": {one.reader: one.sequence for one in made.outboxes},
        "left_out": list(made.left_out),
    }
