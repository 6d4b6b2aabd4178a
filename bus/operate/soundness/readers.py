"""Readers kept in the home that have had more than their outbox holds: the bus was restored from an older backup."""

from bus.home import Home, HomeDamagedError, reader_heads
from bus.log.protocol import Log
from bus.log.topics import topic
from bus.operate.soundness.finding import Finding
from bus.operate.soundness.moment import moment_of


def readers_ahead(home: Home, log: Log) -> tuple[Finding, ...]:
    """Each of them, with the command that mends it; the log itself is none the worse for it."""
    findings = []
    kept = []
    for folder in sorted(path for path in home.agencies.iterdir() if path.is_dir()):
        try:
            kept += [(folder.name, *one) for one in reader_heads(home, folder.name).items()]
        except HomeDamagedError as fault:
            findings.append(Finding(f"agencies/{folder.name}", str(fault)))
    moment = moment_of(log)  # later than the readers were looked at: outboxes only grow
    for agency, name, head in kept:
        outbox = moment.topics.get(topic("outbox", agency))
        if outbox is not None and head.next > outbox.end:
            what = f"has had {head.sequence} deliveries, and the outbox ends before that: the bus was restored"
            mend = f"`tocsin resync --as {agency} --reader {name}`"
            findings.append(Finding(f"agencies/{agency}/reader.{name}.db", f"{what}; {mend} takes its present picture"))
    return tuple(findings)
