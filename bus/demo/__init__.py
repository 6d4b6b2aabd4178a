"""The demo: real files, an exercise, attacks, and one screen that tells what came of them."""

from bus.demo.acts import play

__all__ = ["play"]
