"""Which adapters are installed: the entry points of the group `tocsin.adapters`.

They are looked up by name and loaded one at a time, so that a partner's broken adapter stops nobody else's.
"""

from importlib import metadata
from typing import Final

from adapters.translation import Adapter
from bus.errors import NotFoundError, TocsinError

GROUP: Final = "tocsin.adapters"
_PARTS: Final = ("title", "reads", "writes", "licence", "options", "translate")


class AdapterError(TocsinError):
    """An installed adapter can't be loaded, or is none."""


def available() -> tuple[str, ...]:
    """Names of all installed adapters, in order."""
    return tuple(sorted({point.name for point in metadata.entry_points(group=GROUP)}))


def load(name: str) -> Adapter:
    """Return the adapter of this name.

    Raises:
        NotFoundError: none is installed under this name.
        AdapterError: it is installed, but can't be imported, or two packages claim the name.
    """
    points = sorted(metadata.entry_points(group=GROUP, name=name), key=lambda point: point.value)
    # One package found twice on the path is one adapter; two packages of one name must not depend on the order.
    if len({point.value for point in points}) > 1:
        claims = " and ".join(point.value for point in points)
        raise AdapterError(f"two adapters are named {name}: {claims}", "Uninstall one of them.")
    if not points:
        raise NotFoundError(f"no adapter is named {name!r}", f"Installed are: {', '.join(available())}.")
    return _loaded(points[0])


def _loaded(point: metadata.EntryPoint) -> Adapter:
    try:
        adapter = point.load()
    except Exception as error:  # a partner's module may raise anything
        raise AdapterError(
            f"the adapter {point.name} ({point.value}) can't be loaded", "Reinstall its package, or remove it."
        ) from error
    if getattr(adapter, "name", None) != point.name or not all(hasattr(adapter, part) for part in _PARTS):
        raise AdapterError(
            f"{point.value} is no adapter named {point.name}", "Run the suite of adapters.contract on it."
        )
    return adapter  # type: ignore[no-any-return]
