"""Where a log may be kept: a local file system, for locks and syncs of network ones can't be relied upon."""

from pathlib import Path
from typing import Final

from bus.log.faults import LogPlaceError

NETWORK: Final = frozenset(
    {"afs", "beegfs", "ceph", "cifs", "glusterfs", "gpfs", "lustre", "ncpfs", "nfs", "nfs3", "nfs4", "smb2", "smb3"}
    | {"fuse.ceph", "fuse.glusterfs", "fuse.rclone", "fuse.s3fs", "fuse.sshfs", "smbfs"}
)
_MOUNTS: Final = Path("/proc/self/mountinfo")
_MOUNT_POINT: Final = 4


def check_place(path: Path, mounts: str | None = None) -> None:
    """Refuse a network file system, where the system says what is mounted (Linux)."""
    if mounts is None:
        if not _MOUNTS.exists():
            return
        mounts = _MOUNTS.read_text(encoding="utf-8", errors="replace")
    kind = file_system(path.resolve(), mounts)
    if kind in NETWORK:
        raise LogPlaceError(
            f"{path} lies on a network file system ({kind})",
            "Keep the home on a local disk, or use Kafka to serve several machines.",
        )


def file_system(path: Path, mounts: str) -> str | None:
    """The kind of the file system that holds an absolute path, by the text of mountinfo (proc(5))."""
    text = str(path)
    best: tuple[int, str] | None = None
    for line in mounts.splitlines():
        left, _, right = line.partition(" - ")
        fields = left.split()
        if len(fields) <= _MOUNT_POINT or not right:
            continue
        point = fields[_MOUNT_POINT].replace("\\040", " ").replace("\\011", "\t").replace("\\134", "\\").rstrip("/")
        # Of two mounts on one point the later covers the earlier.
        if (text == point or text.startswith(f"{point}/")) and (best is None or len(point) >= best[0]):
            best = len(point), right.split()[0]
    return best and best[1]
