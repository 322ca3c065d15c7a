"""Where the kernels of one update come from, counted on a machine without a GPU.

    python benchmarks/gpu_program_origins.py --depths 4 64 1024

Compiles the update of the free ant for an H100 that is only described, with fused stacks, and sorts
its launches by the operation that each kernel ends with. XLA fuses across borders: Adam's step of a
small array also holds the last part of its gradient.
"""

import argparse
import collections
import re

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


def main() -> None:
    """Compile an update of each depth, and print a table."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--depths", nargs="+", type=int, default=[4, 64, 1024])
    options = parser.parse_args()
    jax.config.update("jax_platforms", "cpu")  # what is described is no device of this machine
    counts = {depth: count_origins(depth) for depth in options.depths}
    print(f"| kernels from | {' | '.join(f'depth {depth}' for depth in counts)} |")
    print("|" + "---|" * (len(counts) + 1))
    for origin in (*ORIGINS, REST):
        print(f"| {origin} | {' | '.join(str(count[origin]) for count in counts.values())} |")
    print(f"| all | {' | '.join(str(count.total()) for count in counts.values())} |")


def count_origins(depth: int) -> collections.Counter[str]:
    """Count the kernels of one update by origin."""
    from components.target_devices import tracing_for
    from dsl.loop.execution import assign_devices
    from dsl.training.card.cards import parse_cards
    from dsl.training.card.compilation import compile_for_card
    from dsl.training.card.described_devices import describe_devices
    from dsl.training.card.parts import UPDATE, trace_part
    from dsl.training.card.thunks import CONTAINERS

    count, card = parse_cards("h100")
    experiment = experiment_of({"depth": depth, "set": ["network.ResidualMLP.kernel='fused'"]})
    with tracing_for(describe_devices(card, count)):
        found = compile_for_card(trace_part(assign_devices(experiment.program()), UPDATE))
    paths = _paths(found.text)
    counts = collections.Counter[str]()
    for launch in found.launches:
        if launch.kind not in CONTAINERS:
            name = launch.instruction
            counts[origin_of(name, paths.get(name, ""))] += launch.times
    return counts


def _paths(program: str) -> dict[str, str]:
    """Return the path of every instruction of a compiled program: scopes, then an operation."""
    found = re.findall(r'^ +(?:ROOT )?%?([\w.\-]+) = .*op_name="([^"]*)"', program, re.MULTILINE)
    return dict(found)


def origin_of(name: str, path: str) -> str:
    """Return the origin of an instruction with this name and path."""
    for origin, pattern in ORIGINS.items():
        if re.search(pattern, name) or re.search(pattern, path):
            return origin
    return REST


if __name__ == "__main__":
    main()
