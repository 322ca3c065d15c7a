"""The end of a report: its runs one by one, what was left out, and how it was made."""

import shlex
import sys
from collections.abc import Sequence
from typing import Any

from dsl.records.provenance import describe_environment
from dsl.report.data.comparison import Comparison, Group, ScoredRun
from dsl.report.data.display import (
    markdown_code,
    markdown_table,
    markdown_text,
    setting_in_words,
)
from dsl.report.data.scores import recent_evaluations, recent_score
from dsl.report.document.page import Document

_BEFORE = ("run", "task")
_AFTER = ("seed", "environment steps", "finished", "score", "evaluations", "revision", "device")


def append_appendix(
    document: Document, comparison: Comparison, notes: Sequence[str], last: int
) -> None:
    """Write the last sections.

    Args:
        document: receives them.
        comparison: of the runs.
        notes: on runs that are left out, or are not at their end.
        last: evaluations that a score is the mean of, if there are as many.
    """
    rows = [
        _row(group, scored_run, last)
        for group in comparison.groups
        for scored_run in group.scored_runs
    ]
    document.section(
        "Runs", markdown_table([*_BEFORE, *map(markdown_text, comparison.columns), *_AFTER], rows)
    )
    if notes:
        document.section(
            "Left out, or not at its end", "\n".join(f"- {markdown_text(note)}" for note in notes)
        )
    here = describe_environment(sys.argv)
    versions = ", ".join(f"{name} {v}" for name, v in here["versions"].items() if v)
    document.section(
        "Made by",
        markdown_code(shlex.join(["python", "-m", "dsl.report", *sys.argv[1:]])),
        f"revision {_revision(here)}; Python {here['python']}, {versions}",
    )


def _row(group: Group, scored_run: ScoredRun, last: int) -> list[str]:
    run = scored_run.run
    device = run.environment.get("device") or {}
    return [
        markdown_code(run.folder.name),
        markdown_text(group.task),
        *(markdown_text(setting_in_words(value)) for value in group.values),
        str(run.seed),
        f"{run.env_steps:,}",
        "yes" if run.is_finished else "no",
        f"{recent_score(scored_run, last):.4g}",
        str(len(recent_evaluations(scored_run, last))),
        _revision(run.environment),
        str(device.get("kind", "unknown")),
    ]


def _revision(facts: dict[str, Any]) -> str:
    """Return the revision of the source, or "unknown"."""
    source = facts.get("source")
    if not source:
        return "unknown"
    return str(source["revision"])[:12] + (" with changes" if source["dirty"] else "")
