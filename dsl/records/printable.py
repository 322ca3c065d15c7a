"""Names of files in one line of text, whatever characters they have."""


def printable(name: str) -> str:
    """Return a name with line breaks, other control characters and undecodable bytes escaped."""
    return "".join(c if c.isprintable() else c.encode("unicode_escape").decode() for c in name)
