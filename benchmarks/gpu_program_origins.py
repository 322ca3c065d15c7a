"""Where the kernels of one update come from, counted on a machine without a GPU.

    python benchmarks/gpu_program_origins.py --depths 4 64 1024

Compiles the update of the free ant for an H100 that is only described, with fused stacks, and sorts
its launches by the operation that each kernel ends with, and the bytes that they read and write
(what two kernels exchange may stay in the cache). XLA fuses across borders: Adam's step of a small
array also holds the last part of its gradient.
"""

import argparse
import collections
import re
from typing import Any

import jax
from gpu_common import experiment_of

# The first that fits the path of a kernel's last operation, or its name.
ORIGINS = {
    "stacks forward": r"stack_forward",
    "stacks backward": r"stack_backward",
    "gradients of stack weights": r"nlbi,nlbo->nlio",
    "packing and copies": r"/stack$|^copy|^wrapped_slice",
    "drawing and relabelling": r"^jit\((?!.*learner/)",
    "norms of gradients": r"learner/(actor|critic)/(reduce_sum|sqrt)$",
    "Adam and new weights": r"learner/(actor|critic|temperature)/(add|sub|mul|div|select_n)$",
    "first and last layers, backward": r"transpose\(jvp\(vmap",
    "first and last layers, forward": r"jvp\(vmap",
    "losses and metrics, backward": r"transpose\(jvp",
    "losses and metrics, forward": r"learner/",
}
REST = "without a name"
Counts = collections.Counter[str]


def main() -> None:
    """Compile an update of each depth, and print a table."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--depths", nargs="+", type=int, default=[4, 64, 1024])
    options = parser.parse_args()
    jax.config.update("jax_platforms", "cpu")  # what is described is not a device of this machine
    counts = [count_origins(depth) for depth in options.depths]
    head = [f"depth {depth} | MiB" for depth in options.depths]
    print(f"| kernels from | {' | '.join(head)} |\n|{'---|' * (2 * len(head) + 1)}")
    for origin in (*ORIGINS, REST):
        cells = [(kernels[origin], moved[origin]) for kernels, moved in counts]
        print(f"| {origin} | {_join(cells)} |")
    print(f"| all | {_join([(kernels.total(), moved.total()) for kernels, moved in counts])} |")


def _join(cells: list[tuple[int, int]]) -> str:
    return " | ".join(f"{kernels:,} | {moved / 2**20:,.0f}" for kernels, moved in cells)


def count_origins(depth: int) -> tuple[Counts, Counts]:
    """Count the kernels of one update, and the bytes that they read and write, by origin."""
    from components.target_devices import tracing_for
    from dsl.loop.execution import assign_devices
    from dsl.training.card.cards import parse_cards
    from dsl.training.card.compilation import compile_for_card
    from dsl.training.card.described_devices import describe_devices
    from dsl.training.card.parts import UPDATE, trace_part
    from dsl.training.card.program_text import array_bytes, arrays_in, read_instructions
    from dsl.training.card.thunks import CONTAINERS

    count, card = parse_cards("h100")
    experiment = experiment_of({"depth": depth, "set": ["network.ResidualMLP.kernel='fused'"]})
    with tracing_for(describe_devices(card, count)):
        found = compile_for_card(trace_part(assign_devices(experiment.program()), UPDATE))
    known, unread = read_instructions(found.text), _buffer_arrays(experiment)
    kernels, moved = collections.Counter[str](), collections.Counter[str]()
    for launch in found.launches:
        if launch.kind in CONTAINERS:
            continue
        instruction = known.get(launch.instruction)
        origin = origin_of(launch.instruction, instruction.path if instruction else "")
        kernels[origin] += launch.times
        if instruction:
            read = [known[name].types for name in instruction.operands if name in known]
            arrays = arrays_in(" ".join([instruction.types, *read]))
            moved[origin] += launch.times * array_bytes(a for a in arrays if unread not in a)
    return kernels, moved


def _buffer_arrays(experiment: Any) -> str:
    """Return how the shapes of the buffer's arrays begin, of which an update reads single rows."""
    return f"[{experiment.buffer.capacity},{experiment.num_envs}"


def origin_of(name: str, path: str) -> str:
    """Return the origin of an instruction with this name and path."""
    for origin, pattern in ORIGINS.items():
        if re.search(pattern, name) or re.search(pattern, path):
            return origin
    return REST


if __name__ == "__main__":
    main()
