"""The home's safety: a backup of one moment while the bus runs, and the way back, with proof that nothing lacks."""

from bus.operate.backup.make import back_up
from bus.operate.backup.manifest import MANIFEST, Manifest, read_manifest
from bus.operate.backup.remembered import remember
from bus.operate.backup.restore import Restored, restore

__all__ = ["MANIFEST", "Manifest", "Restored", "back_up", "read_manifest", "remember", "restore"]
