"""Kernels of residual stacks on Mosaic GPU, compiled for an H100 that is only described.

    pip install -c constraints.txt -e '.[cuda]'
    pip install nvidia-cuda-nvdisasm                      # for --nvdisasm alone
    python benchmarks/mosaic_stack.py --out mosaic.jsonl
    python benchmarks/mosaic_stack.py --out mosaic.jsonl --nvdisasm PATH/TO/nvdisasm
    python benchmarks/mosaic_stack.py --out mosaic.jsonl --tables

Compiles the forward and the backward kernel of two networks for 512 examples, and writes down what
the assembler says: registers, spilled bytes, shared memory. With a disassembler it counts what a
warp that computes executes per layer. Nothing is run. Rows that the file has already are left out.
"""

import argparse
import importlib.util
import itertools
import json
import os
import re
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import Any

Row = dict[str, Any]
NETS, BATCH = 2, 512
PASSES, WIDTHS, PRECISIONS = ("forward", "backward"), (128, 256, 384, 512), ("bfloat16", "tf32")
USUAL = {"depth": 64, "activation": "swish", "normalise": True, "skip_every": 4}
OTHERS: tuple[Row, ...] = (
    {"normalise": False},
    {"activation": "relu"},
    {"activation": "gelu"},
    {"skip_every": 1},
    {"skip_every": 0},
    {"depth": 1024},
)
_INSTRUCTION = re.compile(r"^\s+/\*[0-9a-f]+\*/\s+(@!?U?P\d+ )?\s*([A-Z][\w.]*)([^;]*)")
_LABEL = re.compile(r"^\.(L_x_\d+):")
_TARGET = re.compile(r"`\(\.(L_x_\d+)\)")
_WAIT = "SYNCS.PHASECHK.TRANS64.TRYWAIT"


def main() -> None:
    """Compile row after row, or print what has been compiled."""
    options = _arguments()
    done = [json.loads(line) for line in _lines(options.out)]
    if options.tables:
        print(_table(done))
        return
    known = [found["row"] for found in done]
    for row in _rows(options.widths, options.variants):
        if row in known:
            continue
        begun = time.perf_counter()
        outcome = {"row": row, **_compiled(row, options.nvdisasm)}
        with options.out.open("a") as file:
            file.write(json.dumps(outcome) + "\n")
        print(f"{time.perf_counter() - begun:.0f} s {json.dumps(outcome)}", file=sys.stderr)


def _arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--out", type=Path, required=True, help="results, one JSON object a line")
    parser.add_argument("--tables", action="store_true", help="print what is there, in Markdown")
    parser.add_argument("--widths", nargs="*", type=int, choices=WIDTHS, default=WIDTHS)
    parser.add_argument("--no-variants", dest="variants", action="store_false")
    parser.add_argument("--nvdisasm", type=Path, help="a disassembler, to count instructions")
    return parser.parse_args()


def _lines(path: Path) -> list[str]:
    return path.read_text().splitlines() if path.exists() else []


def _rows(widths: list[int], variants: bool) -> Iterator[Row]:
    for width, precision, name in itertools.product(widths, PRECISIONS, PASSES):
        yield {"pass": name, "width": width, "precision": precision, **USUAL}
    for changed, precision, name in itertools.product(OTHERS, PRECISIONS, PASSES):
        if variants:
            yield {"pass": name, "width": 256, "precision": precision, **USUAL, **changed}


def _compiled(row: Row, nvdisasm: Path | None) -> Row:
    """Return what the assembler says about the kernel of a row."""
    with tempfile.TemporaryDirectory() as folder:
        # Read when a kernel is compiled.
        flags = ("DUMP_PTXAS", "DUMP_PTX")
        os.environ |= {f"MOSAIC_GPU_{flag}": "1" for flag in flags} | {"MOSAIC_GPU_DUMP_TO": folder}
        _compile(row)
        (said,), (ptx,) = Path(folder).glob("*.ptxas"), Path(folder).glob("*.ptx")
        (passes,) = Path(folder).glob("*.mlir-passes.log")
        text, counted = said.read_text(), {}
        shared = _number(r"dynamic_shared_memory_size %c(\d+)_i32", passes.read_text())
        if nvdisasm:
            counted = _counted(ptx, nvdisasm, row)
    return {
        "registers": _number(r"Used (\d+) registers", text),
        "spilled": _number(r"(\d+) bytes spill stores", text),
        "shared": shared,
        **counted,
    }


def _number(pattern: str, text: str) -> int:
    found = re.search(pattern, text)
    assert found is not None, f"{pattern!r} is not in {text[:1000]!r}"
    return int(found[1])


def _compile(row: Row) -> None:
    import jax
    import jax.numpy as jnp
    from jax.sharding import Mesh, NamedSharding, PartitionSpec

    from components.networks import mosaic_stack
    from components.networks.stack_form import StackForm
    from dsl.training.card.cards import CARDS
    from dsl.training.card.described_devices import describe_devices

    jax.config.update("jax_platforms", "cpu")  # what is described is no device of this machine
    mesh = Mesh(describe_devices(CARDS["h100"], 1), ("devices",))
    card, depth, width = NamedSharding(mesh, PartitionSpec()), row["depth"], row["width"]
    activation = getattr(jax.nn, row["activation"])
    form = StackForm(activation, row["skip_every"], 1.0, row["precision"])

    def array(*shape: int, dtype: Any = jnp.float32) -> jax.ShapeDtypeStruct:
        return jax.ShapeDtypeStruct((NETS, *shape), dtype, sharding=card)

    def forward(x, weights, vectors):
        return mosaic_stack.forward(x, weights, vectors, form)

    def backward(dy, weights, vectors, *saved):
        return mosaic_stack.backward(dy, weights, vectors, saved, form, trained=True)

    count = 3 if row["normalise"] else 1
    arrays = array(BATCH, width), array(depth, width, width), array(depth, count, width)
    kept = array(depth, BATCH, width, dtype=form.product_type)
    run = forward
    if row["pass"] == "backward":
        run, arrays = backward, (*arrays, kept, kept, array(depth, BATCH))
    jax.jit(run).trace(*arrays).lower(lowering_platforms=("cuda",)).compile()


def _counted(ptx: Path, nvdisasm: Path, row: Row) -> Row:
    """Return what a warp that computes executes per layer."""
    binary = ptx.with_suffix(".cubin")
    # The package's assembler is older than the compiler's notation, of which nothing new is used.
    ptx.write_text(re.sub(r"^\.version .*", ".version 8.8", ptx.read_text(), flags=re.MULTILINE))
    subprocess.run([_assembler(), "-arch=sm_90a", str(ptx), "-o", str(binary)], check=True)
    done = subprocess.run([nvdisasm, "-c", binary], check=True, capture_output=True, text=True)
    return _per_layer(done.stdout, row)


def _assembler() -> str:
    places = getattr(importlib.util.find_spec("nvidia"), "submodule_search_locations", [])
    found = [path for place in places for path in Path(place).glob("*/bin/ptxas")]
    return str(found[0]) if found else "ptxas"


def _per_layer(text: str, row: Row) -> Row:
    """Count in the loop over layers that multiplies; loops within it go around several times."""
    from components.networks.mosaic_memory import COMPUTING, pieces_of
    from components.networks.stack_form import StackForm

    names, places = [], {}
    jumps: list[tuple[int, int]] = []
    for line in text.splitlines():
        if label := _LABEL.match(line):
            places[label[1]] = len(names)
        elif found := _INSTRUCTION.match(line):
            target = _TARGET.search(found[3])
            # Loops end with a condition; what is moved behind the kernel's end returns without.
            if found[1] and found[2] == "BRA" and target and target[1] in places:
                jumps.append((places[target[1]], len(names)))
            names.append(found[2])
    products = [place for place, name in enumerate(names) if "HGMMA" in name]
    whole = [(a, b) for a, b in jumps if a <= products[0] and products[-1] <= b]
    start, end = min(whole, key=_length)
    executed = names[start : end + 1]
    within = [(a, b) for a, b in jumps if start < a and b < end]
    around = {_shortest((a, b) for a, b in within if a <= i <= b) for i in products}
    pieces = pieces_of(row["width"], StackForm(abs, 0, 1.0, row["precision"]))
    for a, b in filter(None, around):
        executed += names[a : b + 1] * (pieces.count // COMPUTING // pieces.slots - 1)
    return {
        "instructions": len(executed),
        "products": sum("HGMMA" in name for name in executed),
        "barriers": sum(name.startswith("BAR.SYNC") for name in executed),
        "waits": executed.count(_WAIT),
    }


def _length(loop: tuple[int, int]) -> int:
    return loop[1] - loop[0]


def _shortest(loops: Iterable[tuple[int, int]]) -> tuple[int, int] | None:
    return min(loops, key=_length, default=None)


def _table(done: list[Row]) -> str:
    names = {
        "registers": "registers",
        "spilled": "spilled bytes",
        "shared": "shared memory",
        "instructions": "instructions",
        "products": "of them wgmma",
        "barriers": "barriers",
        "waits": "waits",
    }
    head = ["kernel", "width", "precision", "differs in", *names.values()]
    lines = [head, ["---"] * len(head)]
    for found in done:
        row = found["row"]
        differs = [f"{k}={row[k]!r}" for k in USUAL if row[k] != USUAL[k]]
        cells = [row["pass"], row["width"], row["precision"], ", ".join(differs)]
        lines.append([*cells, *(f"{found[n]:,}" if n in found else "" for n in names)])
    return "\n".join(f"| {' | '.join(map(str, line))} |" for line in lines)


if __name__ == "__main__":
    main()
