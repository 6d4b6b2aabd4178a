"""What can be wrong with a log, each with its remedy. Whatever is raised here was not acknowledged."""

from bus.errors import NotFoundError, TocsinError


class LogError(TocsinError):
    """The log can't do what was asked; nothing that it acknowledged before is lost."""


class NoTopicError(LogError, NotFoundError):
    """There is no topic of this name."""

    def __init__(self, name: str) -> None:
        """Name the topic."""
        super().__init__(
            f"there is no topic {name}",
            "Agency topics are made when the agency is admitted: `tocsin agency ls` shows who is.",
        )
        self.topic = name


class TopicError(LogError):
    """A topic can't be used this way."""


class Owned(LogError):  # noqa: N818 - the protocol's word (log.md): a state of affairs, which ends with exit 1
    """Another process, alive, owns this name."""

    def __init__(self, name: str, holder: str) -> None:
        """Name what is owned, and who owns it."""
        super().__init__(
            f"{name} is owned by {holder}: a bus works here already",
            "Only one may run at a time: stop that process first, or leave the work to it.",
        )
        self.name = name
        self.holder = holder


class Fenced(LogError):  # noqa: N818 - the protocol's word (log.md)
    """A reader's ownership ended: another took it over, or it was released. Nothing of the commit was written."""

    def __init__(self, name: str) -> None:
        """Name what was owned."""
        super().__init__(
            f"{name} was taken over by another process; what this one still held was not written",
            "Let the other process work, or stop it and start this one again.",
        )
        self.name = name


class LogFullError(LogError):
    """No space is left."""

    retriable = True


class LogDiskError(LogError):
    """The disk failed."""

    retriable = True


class LogBusyError(LogError):
    """A program that does not keep our lock holds the file."""

    retriable = True


class LogReadOnlyError(LogError):
    """The log can't be written to; a system makes a disk read-only when it fails, and its operator writable again."""

    retriable = True


class LogDamagedError(LogError):
    """The log is not what was written, or never was one."""


class LogVersionError(LogError):
    """The log was made by another version of Tocsin."""


class LogPlaceError(LogError):
    """A log can't be kept on this file system."""


class LogClosedError(LogError):
    """The log was closed."""
