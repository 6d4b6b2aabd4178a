"""`tocsin publish`, killed at any moment and run again, sends every record once."""

import csv
import os
import random
import signal
import subprocess
import sys
import time
from collections import Counter
from pathlib import Path

from bus.clock import now_ms
from bus.log.sqlite import SqliteLog
from tests.support.command_line import Tocsin

ROOT = Path(__file__).resolve().parents[2]
FILE = ROOT / "bus" / "demo" / "data" / "ucdp_ged" / "ged_v23.1.csv"
KILLS = 6
# In pieces of some ten rows, as a file a thousand times as large is.
PROGRAM = """
import sys
from adapters import pieces
from bus.cli import main
pieces.first_piece.__defaults__ = pieces.translate_pieces.__defaults__ = (8_000,)
sys.exit(main())
"""
# Dies where the log has the signed bytes and the spool has not forgotten them.
WORST = "import os; from bus.client.memory import Memory; Memory.sent = lambda *_: os.kill(os.getpid(), 9)\n" + PROGRAM


def test_a_killed_publish_goes_on_without_doubling(tmp_path: Path) -> None:
    """Once at the worst moment, then at any; in small batches, so that there are many moments."""
    tocsin = Tocsin(tmp_path / "home")
    tocsin.ok("init", "--agency", "alpha")
    words = ("publish", str(FILE), "--as", "alpha", "--feed", "reports")
    environment = {**os.environ, "PYTHONPATH": str(ROOT), "TOCSIN_PUBLISH_BATCH_RECORDS": "10"}
    chance = random.Random(7)

    def start(program: str) -> "subprocess.Popen[bytes]":
        command = [sys.executable, "-c", program, *words, "--home", str(tocsin.home)]
        return subprocess.Popen(command, env=environment, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)

    assert start(WORST).wait() == -signal.SIGKILL
    waiting = {one["name"]: one["waiting"] for one in tocsin.json("status")["agencies"]}
    assert waiting == {"alpha": 10, "authority": 0}  # one batch, by the setting
    for _ in range(KILLS):
        process = start(PROGRAM)
        time.sleep(chance.uniform(0.5, 1.5))
        process.kill()
        process.wait()
    with FILE.open(encoding="utf-8", newline="") as file:
        ids = {f"ucdp-ged:{row['id']}" for row in csv.DictReader(file)}
    tocsin.ok(*words)
    tocsin.ok("run", "--until-idle")
    receipts = tocsin.items("receipts", "ls", "--as", "alpha")
    assert {(one["id"], one["revision"], one["verdict"]) for one in receipts} == {(one, 1, "ACCEPTED") for one in ids}
    assert len(receipts) > len(ids), "what was appended twice has its receipt twice"
    log = SqliteLog(tocsin.home / "bus.db", now_ms)
    digests = Counter(record.key for record in log.read("events"))
    log.close()
    assert {digests[bytes.fromhex(one["digest"])] for one in receipts} == {1}
    assert [one["ref"] for one in tocsin.items("events", "ls", "--as", "alpha")] == sorted(
        f"alpha/reports/{record_id}" for record_id in ids
    )
