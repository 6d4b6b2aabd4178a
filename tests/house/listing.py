"""The project's own files, and what may not stand in them."""

import fnmatch
import os
import re
import subprocess
from pathlib import Path

# Paths of one machine; not part of a longer path.
MACHINE_PATH = re.compile(r"(?<![\w.}~-])/(?:work|root|Users|home/\w+)/[\w.]")


def files(root: Path) -> list[Path]:
    """The tracked files, or without git all that .gitignore does not name, relative to the root."""
    if (root / ".git").exists():
        listed = subprocess.run(["git", "ls-files", "-z"], cwd=root, capture_output=True, check=True).stdout
        return sorted(Path(os.fsdecode(name)) for name in listed.split(b"\0") if name)
    ignored = [line.strip("/") for line in (root / ".gitignore").read_text("utf-8").splitlines() if line]
    found = (path.relative_to(root) for path in root.rglob("*") if path.is_file())
    return sorted(p for p in found if not any(fnmatch.fnmatch(part, name) for part in p.parts for name in ignored))


def machine_paths(text: str) -> list[str]:
    """Every line that names a place of one machine."""
    return [line.strip() for line in text.splitlines() if MACHINE_PATH.search(line)]
