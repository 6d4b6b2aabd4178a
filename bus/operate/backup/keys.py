"""Whether the private keys of a home are those that its roster names, each in its owner's folder.

A home may lack keys that somebody keeps elsewhere, and hold some that are in no roster yet. But one that can't sign as
its own bus is none, and a key in another's folder would sign in another's name.
"""

from collections.abc import Iterator, Sequence
from pathlib import Path

from bus.home import HomeError, load_key
from bus.names import BUS, ROOT
from bus.operate.soundness import Finding
from bus.trust.roster import Trust


def check_keys(folder: Path, trust: Trust, left_out: Sequence[str]) -> Iterator[Finding]:
    """What is wrong with the keys in this folder, under the roster in force; `left_out`: links that were not copied."""
    owners = {key.key_id: entry.name for entry in trust.agencies for key in entry.keys}
    owners |= {root.key_id: ROOT for root in (() if trust.roster is None else trust.roster.roots.keys)}
    signing = 0
    for path in sorted(folder.glob("keys/*/*.key")):
        owner = owners.get(path.stem)
        if owner is None:
            continue
        place = path.relative_to(folder).as_posix()
        if owner != path.parent.name:
            yield Finding(place, f"the roster names this key as one of {owner}")
            continue
        try:
            load_key(path)
        except HomeError:
            yield Finding(place, "not the private key that its name says")
            continue
        signing += owner == BUS
    if not signing and not {"keys", "keys/bus"} & set(left_out):
        yield Finding("keys/bus", "no key in it with which the roster lets this bus sign")
