"""Did you mean ...?"""

import difflib
from collections.abc import Iterable

_CLOSE = 0.6
_MOST = 1_000  # comparing takes time


def nearest(name: str, candidates: Iterable[str]) -> str | None:
    """The candidate most like `name`, or None where none is much like it.

    What stands after the last dot or slash counts on its own too, so that a right word in a wrong
    or missing family finds its place.
    """
    candidates = list(dict.fromkeys(candidates))[:_MOST]
    exact_tail = [c for c in candidates if _tail(c).lower() == _tail(name).lower()]
    if len(exact_tail) == 1:
        return exact_tail[0]
    lowered = {c.lower(): c for c in reversed(candidates)}
    whole = difflib.get_close_matches(name.lower(), lowered, n=1, cutoff=_CLOSE)
    if whole:
        return lowered[whole[0]]
    tails = {_tail(c).lower(): c for c in reversed(candidates)}
    tail = difflib.get_close_matches(_tail(name).lower(), tails, n=1, cutoff=_CLOSE)
    return tails[tail[0]] if tail else None


def did_you_mean(suggestion: str | None) -> str:
    """` Did you mean 'x'?` to append to a sentence, or nothing."""
    return f" Did you mean '{suggestion}'?" if suggestion else ""


def listed(title: str, names: Iterable[str], limit: int = 12) -> str:
    """` Settings: a, b, c.` to append to a sentence, or nothing where there are none."""
    names = list(names)
    if not names:
        return ""
    more = f" and {len(names) - limit} more" if len(names) > limit else ""
    return f" {title}: {', '.join(names[:limit])}{more}."


def _tail(name: str) -> str:
    return name.rsplit("/", 1)[-1].rsplit(".", 1)[-1]
