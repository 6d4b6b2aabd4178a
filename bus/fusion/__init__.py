"""What is one story, and how sure are we? Pure: values and times in, clusters and alerts out.

`fuse`, `Offered` and `Picture` are fusion offline, without a bus. They are loaded when asked for: fusion needs H3 and
the schemas, and whoever imports a single room of it should not wait for all.
"""

from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from bus.fusion.offline import Offered, Picture, fuse

__all__ = ["Offered", "Picture", "fuse"]


def __getattr__(name: str) -> Any:  # noqa: ANN401 - whatever the name stands for
    if name not in __all__:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    from bus.fusion import offline  # noqa: PLC0415

    return getattr(offline, name)
