"""Text of a partner, made safe to show."""


def shown(text: str) -> str:
    """Text made safe for a terminal: what is not printable (controls, direction marks) is spelled out."""
    if text.isprintable():
        return text
    return "".join(c if c.isprintable() else c.encode("unicode_escape").decode() for c in text)
