"""A scene: one home with its agencies, and beside it what the harness keeps; a value that is handed to processes."""

import shutil
from pathlib import Path
from typing import Final, NamedTuple

from bus.clock import now_ms
from bus.home import Home
from tests.chaos.slate import Shared, Slate
from tests.support.homes import make_home

AGENCIES: Final = ("aa", "bb", "cc", "dd")
"""All publish and all read, from whoever may read all to whoever reads what is public (tests/support/homes.py)."""


class Scene(NamedTuple):
    """Where everything of one field lies, and what its publishers say: a pure function of the seed."""

    folder: Path
    seed: int
    began_ms: int
    block: int = 3
    """Records in one call of a publisher."""
    spread: bool = False
    """Whether incidents lie far apart, as in a long run; else few places, where much comes together."""
    agencies: tuple[str, ...] = AGENCIES

    @property
    def home(self) -> Home:
        """The bus's home."""
        return Home.open(self.folder / "home")

    def acknowledged(self, agency: str) -> Path:
        """The book of what was acknowledged to an agency's publisher."""
        return self.folder / f"{agency}.acknowledged"

    def received(self, agency: str) -> Path:
        """The book of what an agency's subscriber got."""
        return self.folder / f"{agency}.received"

    def picture(self, agency: str) -> Path:
        """The book of what an agency's subscriber held in the end."""
        return self.folder / f"{agency}.picture"

    def said(self, role: str) -> Path:
        """What the processes of a role wrote to stderr."""
        return self.folder / f"{role}.err"

    def slate(self) -> Slate:
        """The numbers that are shared."""
        return Slate(self.folder / "slate")

    def now_ms(self) -> int:
        """The field's clock."""
        with self.slate() as slate:
            return now_ms() + slate[Shared.AHEAD_MS]


def make_scene(folder: Path, seed: int, *, block: int = 3, spread: bool = False, like: Path | None = None) -> Scene:
    """Found the home, or copy it from one that nobody has used."""
    folder.mkdir(parents=True, exist_ok=True)
    if like is None:
        make_home(folder / "home")
    else:
        shutil.copytree(like, folder / "home")
    return Scene(folder, seed, now_ms(), block, spread)
