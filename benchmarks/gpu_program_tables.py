"""Tables in Markdown of what `gpu_program.py` has recorded."""

from typing import Any

Outcome = dict[str, Any]
_UPDATES = (
    "card", "batch", "depth", "precision", "`kernel`", "kernels", "graphs", "outside of graphs",
    "loops", "GFLOP", "weights and Adam, MiB", "memory, MiB", "of it temporary",
    "at least, ms", "because of", "compiling, CPU s",
)  # fmt: skip
_WHOLE = (
    "part", "card", "depth", "precision", "kernels", "graphs", "outside of graphs", "loops",
    "GFLOP", "memory, MiB", "compiling, CPU s",
)  # fmt: skip


def markdown_tables(outcomes: list[Outcome]) -> str:
    """Return a table of updates and one of the other parts, the latest result of each row."""
    latest = {str(found["row"]): found for found in outcomes if "result" in found}
    updates = [x for x in latest.values() if x["row"]["part"] == "update"]
    whole = [x for x in latest.values() if x["row"]["part"] != "update"]
    updates.sort(key=lambda x: _order(x["row"], "card", "batch", "precision", "kernel", "depth"))
    whole.sort(key=lambda x: _order(x["row"], "part", "card", "precision", "depth"))
    return "\n\n".join(
        [
            markdown_table(_UPDATES, [_update_cells(x["row"], x["result"]) for x in updates]),
            markdown_table(_WHOLE, [_whole_cells(x["row"], x["result"]) for x in whole]),
        ]
    )


def _order(row: Outcome, *names: str) -> list[str]:
    """Return a key that sorts rows by some of their settings, H100 and float32 first."""
    texts = {name: f"{row[name]:6}" if isinstance(row[name], int) else row[name] for name in names}
    first = {"h100": " ", "float32": " "}
    return [first.get(texts[name], texts[name]) for name in names]


def markdown_table(head: tuple[str, ...], rows: list[list[str]]) -> str:
    """Return a table in Markdown."""
    lines = [f"| {' | '.join(cells)} |" for cells in (head, *rows)]
    return "\n".join([lines[0], "|" + "---|" * len(head), *lines[1:]])


def _update_cells(row: Outcome, result: Outcome) -> list[str]:
    least = max(result[f"{name}_ms"] for name in ("launches", "products", "memory"))
    return [
        row["card"],
        str(row["batch"]),
        _depths(row["depth"]),
        row["precision"],
        row["kernel"],
        *_launches(result),
        _operations(result),
        f"{result['moved_mib']:,.0f}",
        f"{result['memory_mib']:,.0f}",
        f"{result['temporary_mib']:,.0f}",
        f"{least:.2f}",
        result["binding"],
        f"{result['cpu_seconds']:.0f}",
    ]


def _whole_cells(row: Outcome, result: Outcome) -> list[str]:
    return [
        row["part"],
        row["card"],
        _depths(row["depth"]),
        row["precision"],
        *_launches(result),
        _operations(result),
        f"{result['memory_mib']:,.0f}",
        f"{result['cpu_seconds']:.0f}",
    ]


def _launches(result: Outcome) -> list[str]:
    unknown = f" ({result['open_loops']} of unknown length)" if result["open_loops"] else ""
    outside = result["kernels"] - result["in_graphs"]
    counts = [f"{n:,}" for n in (result["kernels"], result["graphs"], outside)]
    return [*counts, f"{result['loops']}{unknown}"]


def _operations(result: Outcome) -> str:
    return f"{sum(result['gigaflops'].values()):,.1f}"


def _depths(depth: int) -> str:
    return f"{depth}" if depth <= 512 else f"{depth} / 512"
