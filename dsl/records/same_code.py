"""Decides whether a run continues under the code that it has been trained with so far."""

import hashlib
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

from dsl.errors import UsageError
from dsl.records.own_words import read_stored_words
from dsl.records.run_folder import WORDS, read_environment

# SHA-256 of each source of own words; a key of a run's environment.
WORD_HASHES = "words"
_SHOWN_DIGITS = 12


def require_same_words(
    folder: Path, words: Mapping[str, str], *, accept_changes: bool = False
) -> list[str]:
    """Return the own modules that have changed since the run was last trained.

    Args:
        folder: of a run that has begun.
        words: sources now, from `collect_words`.
        accept_changes: whether the run may continue under changed ones.

    Raises:
        UnreadableError: the recorded sources cannot be read now.
        UsageError: modules have changed and that is not accepted; names them.
    """
    recorded = _recorded_hashes(folder)
    if not recorded:  # the run has none, or began before they were recorded
        return []
    here = hash_words(words)
    changed = sorted(n for n in {*recorded, *here} if recorded.get(n) != here.get(n))
    if changed and not accept_changes:
        raise UsageError(
            f"{folder}: own words have changed since this run was last trained: "
            f"{', '.join(changed)}. The earlier ones are in {folder / WORDS}. Restore them, give "
            "--out another folder, or continue under the changed ones with --accept-changes, which "
            "the run's environment.json records."
        )
    return changed


def _recorded_hashes(folder: Path) -> dict[str, str]:
    """Return the hashes of own words that the run's last process recorded, or those of copies."""
    recorded = read_environment(folder).get(WORD_HASHES)
    return recorded if isinstance(recorded, dict) else hash_words(read_stored_words(folder))


def hash_words(words: Mapping[str, str]) -> dict[str, str]:
    """Return the SHA-256 of each source, by its path."""
    return {name: hashlib.sha256(text.encode()).hexdigest() for name, text in words.items()}


def describe_code_changes(before: Mapping[str, Any], now: Mapping[str, Any]) -> str | None:
    """Return how the code around own words differs between two environments, or None if it agrees.

    Args:
        before: environment of the run's last process, from `read_environment`.
        now: what `describe_environment` returned.
    """
    changes = list(_code_changes(before, now))
    if not changes:
        return None
    return (
        f"the code has changed since this run was last trained: {', '.join(changes)}. Numbers may "
        "differ from here on; environment.json has both versions."
    )


def _code_changes(before: Mapping[str, Any], now: Mapping[str, Any]) -> Iterator[str]:
    """Yield each difference; what only one of the two tells is none."""
    there, here = _identify_source(before), _identify_source(now)
    named = next((name for name in there if name in here and there[name] != here[name]), None)
    if named is not None:
        yield f"{named} {there[named]} (now {here[named]})"
    versions = before.get("versions", {})
    for name, version in now.get("versions", {}).items():
        if name in versions and versions[name] != version:
            yield f"{name} {versions[name]} (now {version})"


def _identify_source(environment: Mapping[str, Any]) -> dict[str, str]:
    """Return what tells the project's source; the hash tells uncommitted changes, too."""
    revision = (environment.get("source") or {}).get("revision")
    names = {"revision": revision, "source": environment.get("source_sha256")}
    return {name: value[:_SHOWN_DIGITS] for name, value in names.items() if value}
