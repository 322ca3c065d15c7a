"""Suggest the name that was probably meant."""

import difflib
import re
from collections.abc import Iterable

_CLOSE = 0.6  # share of matching characters below which a suggestion would only mislead


def nearest(name: str, candidates: Iterable[str]) -> str | None:
    """Return the candidate most like `name`, or None if none is much like it.

    Families and scopes are compared apart from the part after them: a right word in a wrong family
    finds its place, and two words are not alike because their families are.
    """
    candidates = list(dict.fromkeys(candidates))
    family, tail = _split(name)
    exact = [c for c in candidates if _split(c)[1].lower() == tail.lower()]
    if len(exact) == 1:
        return exact[0]
    relatives = [c for c in candidates if _split(c)[0] == family]
    if exact:
        return _closest(name, exact) or exact[0]
    return _closest(tail, relatives) or _closest(tail, candidates)


def _closest(name: str, candidates: list[str]) -> str | None:
    """Compare whole names if `name` has a family, else the parts after the families."""
    has_family = bool(_split(name)[0])
    keys = {(c if has_family else _split(c)[1]).lower(): c for c in reversed(candidates)}
    found = difflib.get_close_matches(name.lower(), keys, n=1, cutoff=_CLOSE)
    return keys[found[0]] if found else None


def similar_scope(scope: str, known: Iterable[str]) -> str | None:
    """Return the known scope that `scope` is probably a misspelling of, or None.

    Scopes that differ in their digits alone, such as `critic1` and `critic2`, are two scopes.
    """
    close = [other for other in known if _is_misspelt(scope.lower(), other.lower())]
    return max(close, key=lambda other: _likeness(scope, other), default=None)


def _is_misspelt(scope: str, other: str) -> bool:
    if re.sub(r"\d+", "0", scope) == re.sub(r"\d+", "0", other):
        return scope == other
    parts, others = scope.split("/"), other.split("/")
    return len(parts) == len(others) and all(
        _likeness(a, b) >= _CLOSE for a, b in zip(parts, others, strict=True)
    )


def _likeness(a: str, b: str) -> float:
    return difflib.SequenceMatcher(None, a, b).ratio()


def did_you_mean(suggestion: str | None) -> str:
    """Return ` Did you mean 'x'?` to append to a sentence, or nothing."""
    return f" Did you mean '{suggestion}'?" if suggestion else ""


def listed(title: str, names: Iterable[str], limit: int = 12) -> str:
    """Return ` Settings: a, b, c.` to append to a sentence; nothing if there are no names."""
    names = list(names)
    if not names:
        return ""
    more = f" and {len(names) - limit} more" if len(names) > limit else ""
    return f" {title}: {', '.join(names[:limit])}{more}."


def _split(name: str) -> tuple[str, str]:
    at = max(name.rfind("/"), name.rfind(".")) + 1
    return name[:at], name[at:]
