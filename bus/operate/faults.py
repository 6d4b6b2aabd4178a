"""What can be wrong at the authority's desk, each with its remedy."""

from bus.errors import TocsinError


class DeskError(TocsinError):
    """The authority's desk can't do its work in this home."""


class NoAnswerError(DeskError):
    """The bus that runs has not judged a record in time; the record stays in its queue."""

    retriable = True
