"""Tables in Markdown of what `gpu_suite.py` has recorded."""

import statistics
from collections.abc import Callable
from typing import Any

Outcome = dict[str, Any]
# Hours of the paper (its Table 3) and millions of environment steps, by task and depth.
PAPER_HOURS = {
    ("humanoid", 4): (1.48, 100),
    ("humanoid", 64): (10.99, 100),
    ("ant_big_maze", 4): (2.12, 100),
    ("ant_big_maze", 16): (4.04, 100),
    ("ant_big_maze", 64): (11.66, 100),
    ("ant_u4_maze", 4): (1.98, 100),
    ("arm_push_easy", 4): (9.97, 100),
    ("arm_push_easy", 64): (19.52, 100),
}


def markdown_tables(outcomes: list[Outcome]) -> str:
    """Return a table for each kind of row that has a result."""
    latest = {str(found["row"]): found for found in outcomes if "result" in found}
    parts = []
    for stage, (head, cells) in KINDS.items():
        rows = [found for found in latest.values() if found["row"]["stage"] == stage]
        if rows:
            lines = [f"| {' | '.join(cells(r['row'], r['result']))} |" for r in rows]
            parts.append("\n".join([head, f"|{' --- |' * (head.count('|') - 1)}", *lines]))
    kept = {**{str(found["row"]): found for found in outcomes if "partial" in found}, **latest}
    learned = [found for found in kept.values() if "seeds" in found["row"]]
    return "\n\n".join([*parts, *map(_curve, learned)])


def _card(row: Outcome, result: Outcome) -> list[str]:
    names = ("tf32_teraflops", "highest_teraflops", "bfloat16_teraflops")
    speeds = [f"{result[name]:.0f}" for name in names]
    return [str(row["size"]), *speeds, f"{result['copy_terabytes_per_second']:.2f}"]


def _update_error(row: Outcome, result: Outcome) -> list[str]:
    errors = [f"{result[f'{name}_error']:.1e}" for name in ("critic", "actor", "split")]
    return [str(row["depth"]), row["kernel"], row["precision"], *errors]


def _physics_error(row: Outcome, result: Outcome) -> list[str]:
    names = ("error_after_1", "error_after_10", "split_error")
    return [row["task"], str(row["envs"]), *(f"{result[name]:.1e}" for name in names)]


def _updates(row: Outcome, result: Outcome) -> list[str]:
    speeds = [_short(result[name]) for name in ("per_second", "lowest", "highest")]
    return [
        _depths(row["depth"]),
        row["kernel"],
        row["precision"],
        row.get("flags", ""),
        f"{speeds[0]} ({speeds[1]} to {speeds[2]})",
        f"{result['teraflops']:.1f}",
        f"{result['compile_seconds']:.0f}",
        _mebibytes(result),
    ]


def _iterations(row: Outcome, result: Outcome) -> list[str]:
    hours, millions = PAPER_HOURS.get((row["task"], row["depth"]), (None, 100))
    speed = result["steps_per_second"]
    paper = None if hours is None else millions * 1e6 / hours / 3600
    return [
        row["task"],
        str(row["depth"]),
        f"{speed:,.0f}",
        "" if paper is None else f"{paper:,.0f}",
        f"{result['collection_steps_per_second']:,.0f}",
        _short(result["updates_per_second"]),
        f"{1e8 / speed / 3600:.2f}",
        "" if hours is None else str(hours),
        *(_whole(result.get(f"kernels_per_{of}")) for of in ("control_step", "update")),
        f"{result['compile_seconds']:.0f}",
        _mebibytes(result),
    ]


def _environments(row: Outcome, result: Outcome) -> list[str]:
    speeds = [f"{result[f'steps_{name}']:,.0f}" for name in ("per_second", "lowest", "highest")]
    spread = f"{speeds[0]} ({speeds[1]} to {speeds[2]})"
    flags = row.get("flags", "")
    return [row["task"], str(row["envs"]), flags, spread, f"{result['compile_seconds']:.0f}"]


def _stacks(row: Outcome, result: Outcome) -> list[str]:
    names = ("rows", "warps", "stages")
    tile = "x".join(str(row[name]) for name in names) if row.get("kernel") == "fused" else ""
    sizes = [str(row[name]) for name in ("depth", "width", "batch")]
    asked = [row["kind"], *sizes, row["precision"], row.get("kernel", "both"), tile]
    if row["kind"] == "check":
        worst = [f"{max(result[kernel]):.1e}" for kernel in ("fused", "xla")]
        return [*asked, f"{result['verdict']}, {worst[0]} against {worst[1]}"]
    return [*asked, f"{result['ms']:.3f} ms, {result['us_per_layer']:.2f} us a layer"]


KINDS: dict[str, tuple[str, Callable[[Outcome, Outcome], list[str]]]] = {
    "card": ("| size | tf32 TFLOP/s | float32 | bfloat16 | copy TB/s |", _card),
    "update_error": (
        "| depth | kernel | precision | critic | actor | split against one |",
        _update_error,
    ),
    "physics_error": (
        "| task | envs | after 1 step | after 10 | split against whole |",
        _physics_error,
    ),
    "updates": (
        "| depth | kernel | precision | flags | updates/s | TFLOP/s | compile s | MiB |",
        _updates,
    ),
    "stacks": (
        "| of a stack | depth | width | batch | precision | kernel | rows x warps x stages "
        "| worst error, or time of both passes |",
        _stacks,
    ),
    "iterations": (
        "| task | depth | steps/s | paper's | collecting | updates/s | hours for 100M | paper's "
        "| kernels a control step | kernels an update | compile s | MiB |",
        _iterations,
    ),
    "environments": ("| task | envs | flags | steps/s | compile s |", _environments),
}


def _curve(outcome: Outcome) -> str:
    """Return a table of every evaluation of a training run: mean over seeds and their range."""
    row, found = outcome["row"], outcome.get("result") or outcome["partial"]
    names = (
        [name for name in found["evaluations"][0] if name != "env_steps"]
        if found["evaluations"]
        else []
    )
    head = f"| env steps (M) | {' | '.join(name.replace('_', ' ') for name in names)} |"
    lines = [f"{row['name']}, seeds {row['seeds']}, {found['seconds']:.0f} s", "", head]
    lines.append(f"|{' --- |' * (len(names) + 1)}")
    for at in found["evaluations"]:
        cells = [_spread(at[name]) for name in names]
        lines.append(f"| {at['env_steps'] / 1e6:.2f} | {' | '.join(cells)} |")
    return "\n".join(lines)


def _spread(values: list[float | None]) -> str:
    """Format `mean (lowest to highest)`."""
    known = [value for value in values if value is not None]
    if not known:
        return "-"
    mean, low, high = statistics.mean(known), min(known), max(known)
    return f"{_short(mean)} ({_short(low)} to {_short(high)})"


def _short(value: float) -> str:
    """Format a number with three figures."""
    return f"{value:,.0f}" if abs(value) >= 100 else f"{value:.3g}"


def _whole(value: float | None) -> str:
    return "" if value is None else f"{value:,.0f}"


def _mebibytes(result: Outcome) -> str:
    return _whole(result["memory_mib"])


def _depths(depth: int) -> str:
    return f"{depth}, actor 512" if depth > 512 else str(depth)
