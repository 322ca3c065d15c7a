"""Lays out text in columns."""

from collections.abc import Sequence


def titled_table(title: str, rows: Sequence[tuple[str, ...]]) -> str:
    """Return rows of equal length as aligned columns, indented under a title."""
    widths = [max(len(row[i]) for row in rows) for i in range(len(rows[0]))]
    lines = ("  ".join(cell.ljust(w) for cell, w in zip(row, widths, strict=True)) for row in rows)
    return "\n".join([title, *(f"  {line.rstrip()}" for line in lines)])
