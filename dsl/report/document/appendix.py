"""The end of a report: its runs one by one, what was left out, and how it was made."""

import shlex
import sys
from collections.abc import Sequence
from typing import Any

from dsl.records.provenance import describe_environment
from dsl.report.data.comparison import Comparison, Group, ScoredRun, in_words
from dsl.report.data.scores import recent
from dsl.report.document.page import Document, table

_BEFORE = ("run", "task")
_AFTER = ("seed", "environment steps", "finished", "score", "revision", "device")


def append(document: Document, comparison: Comparison, notes: Sequence[str], last: int) -> None:
    """Write the last sections.

    Args:
        document: receives them.
        comparison: of the runs.
        notes: on runs that are left out, or are not at their end.
        last: evaluations that a score is the mean of.
    """
    rows = [_row(group, member, last) for group in comparison.groups for member in group.members]
    document.section("Runs", table([*_BEFORE, *comparison.columns, *_AFTER], rows))
    if notes:
        document.section("Left out, or not at its end", "\n".join(f"- {note}" for note in notes))
    here = describe_environment(sys.argv)
    versions = ", ".join(f"{name} {v}" for name, v in here["versions"].items() if v)
    document.section(
        "Made by",
        f"`{shlex.join(['python', '-m', 'dsl.report', *sys.argv[1:]])}`",
        f"revision {_revision(here)}; Python {here['python']}, {versions}",
    )


def _row(group: Group, member: ScoredRun, last: int) -> list[str]:
    run = member.run
    device = run.environment.get("device") or {}
    return [
        f"`{run.folder.name}`",
        group.task,
        *map(in_words, group.values),
        str(run.seed),
        f"{run.env_steps:,}",
        "yes" if run.is_finished else "no",
        f"{recent(member, last):.4g}",
        _revision(run.environment),
        str(device.get("kind", "unknown")),
    ]


def _revision(facts: dict[str, Any]) -> str:
    """Of the source, as far as it is known."""
    source = facts.get("source")
    if not source:
        return "unknown"
    return str(source["revision"])[:12] + (" with changes" if source["dirty"] else "")
