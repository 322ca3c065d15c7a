"""What a GPU would be asked to do, counted on a machine without one.

    pip install -c constraints.txt -e '.[cuda]'
    python benchmarks/gpu_program.py --out program.jsonl
    python benchmarks/gpu_program.py --out program.jsonl --tables

Compiles one update, the collection of one unroll and an evaluation of the free ant for cards that
are only described, as `--check --card` does: the compiler needs neither a GPU nor a driver. Nothing
is run and no time but the compiler's is measured, in seconds of all cores. Rows that the file has
already are not compiled again; the slowest come last.
"""

import argparse
import itertools
import json
import sys
import time
from pathlib import Path
from typing import Any

import jax
from gpu_common import Result, Row, experiment_of
from gpu_program_tables import markdown_tables

DEPTHS, BATCHES = (4, 16, 64, 256, 1024), (512, 2048)
KINDS, CARDS = ("float32", "bfloat16"), ("h100", "a100")
UPDATES, WHOLE = "update", ("collection", "evaluation")


def main() -> None:
    """Compile row after row, or print what has been compiled."""
    options = _arguments()
    jax.config.update("jax_platforms", "cpu")  # what is described is not a device of this machine
    done = _read(options.out)
    if options.tables:
        print(markdown_tables(done))
        return
    known = [found["row"] for found in done]
    for row in _rows():
        if row in known or not _is_asked_for(row, options):
            continue
        begun = time.perf_counter()
        outcome = {"row": row, **_outcome(row), "jax": jax.__version__}
        with options.out.open("a") as file:
            file.write(json.dumps(outcome) + "\n")
        print(f"{time.perf_counter() - begun:.0f} s {json.dumps(outcome)}", file=sys.stderr)
        jax.clear_caches()


def _arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--out", type=Path, required=True, help="results, one JSON object a line")
    parser.add_argument("--tables", action="store_true", help="print what is there, in Markdown")
    parser.add_argument("--cards", nargs="+", choices=CARDS, default=CARDS)
    parser.add_argument("--parts", nargs="+", choices=(UPDATES, *WHOLE), default=(UPDATES, *WHOLE))
    parser.add_argument("--depths", nargs="+", type=int, choices=DEPTHS, default=DEPTHS)
    parser.add_argument("--kernels", nargs="+", choices=("fused", "xla"), default=("fused", "xla"))
    return parser.parse_args()


def _is_asked_for(row: Row, options: argparse.Namespace) -> bool:
    return (
        row["card"] in options.cards
        and row["part"] in options.parts
        and row["depth"] in options.depths
        and row["kernel"] in options.kernels
    )


def _read(path: Path) -> list[Result]:
    return [json.loads(line) for line in path.read_text().splitlines()] if path.exists() else []


def _rows() -> list[Row]:
    """Return all rows, quickly compiled ones first: unrolled networks take minutes."""

    def row(part: str, kernel: str, depth: int, batch: int, kind: str, card: str) -> Row:
        names = ("part", "kernel", "depth", "batch", "precision", "card")
        return dict(zip(names, (part, kernel, depth, batch, kind, card), strict=True))

    def update_rows(kernel: str, depths: tuple[int, ...]) -> list[Row]:
        settings = itertools.product(CARDS, BATCHES, KINDS, depths)
        return [row(UPDATES, kernel, d, b, kind, card) for card, b, kind, d in settings]

    whole = itertools.product(CARDS, KINDS, DEPTHS, WHOLE)
    return [
        *update_rows("fused", DEPTHS),
        *[row(part, "fused", d, BATCHES[0], kind, card) for card, kind, d, part in whole],
        *update_rows("xla", (4, 16)),
        *update_rows("xla", (256, 1024)),
        *update_rows("xla", (64,)),
    ]


def _outcome(row: Row) -> Result:
    """Return what a row asks of the card, or why it does not compile."""
    from dsl.errors import UsageError

    try:
        return {"result": _compiled(row)}
    except UsageError as error:
        return {"error": str(error)}


def _compiled(row: Row) -> Result:
    from components.target_devices import tracing_for
    from dsl.loop.execution import assign_devices
    from dsl.training.card.cards import parse_cards
    from dsl.training.card.compilation import compile_for_card
    from dsl.training.card.described_devices import describe_devices
    from dsl.training.card.description import bound_update
    from dsl.training.card.parts import trace_part
    from dsl.training.card.thunks import count_launches

    count, card = parse_cards(row["card"])
    experiment = experiment_of({**row, "set": _settings(row)})
    with tracing_for(describe_devices(card, count)):
        program = assign_devices(experiment.program())
        begun = time.process_time()
        found = compile_for_card(trace_part(program, row["part"]))
        seconds = time.process_time() - begun
        bound = bound_update(program, card, found)
    result: dict[str, Any] = {
        "cpu_seconds": seconds,
        **count_launches(found.launches)._asdict(),
        "gigaflops": {name: count / 1e9 for name, count in found.operations.items()},
        "memory_mib": found.memory / 2**20,
        "temporary_mib": found.temporary / 2**20,
    }
    if row["part"] == UPDATES:
        moved = bound.memory * card.bandwidth / 2**20
        result |= {"moved_mib": moved, "binding": bound.binding, **_milliseconds(bound)}
    return result


def _milliseconds(bound: Any) -> Result:
    return {f"{name}_ms": 1e3 * seconds for name, seconds in bound._asdict().items()}


def _settings(row: Row) -> list[str]:
    return [
        f"BATCH_SIZE={row['batch']}",
        f"network.ResidualMLP.compute_dtype='{row['precision']}'",
        f"network.ResidualMLP.kernel='{row['kernel']}'",
    ]


if __name__ == "__main__":
    main()
