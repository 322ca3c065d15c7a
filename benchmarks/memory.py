"""The estimate of `--check` beside what the compiled loop asks for.

    python benchmarks/memory.py

Used is the larger of an unroll with its updates and of an evaluation: what is passed in, and what
the compiler sets aside beside it, as XLA reports them. Nothing is trained. The interpreter, the
compiler and compiled code come on top of both; on a CPU that is the process's own memory, shown as
"process".
"""

import argparse
import json
import subprocess
import sys
from pathlib import Path

ROOT = Path(__file__).resolve().parents[1]
ANT = ("experiments/ant_maze_1024.gin", "NUM_ENVS=64", "Experiment.prefill_steps=62")
DEEP = ("CRITIC_DEPTH=64", "ACTOR_DEPTH=64")
SMALL = "buffer.TrajectoryBuffer.capacity=2_000"
CASES = {
    "quickstart": ("experiments/quickstart.gin",),
    "quickstart, SAC with hindsight": ("experiments/point_u_maze/sac_her.gin",),
    "ant, depth 4, batch 2048": (
        *ANT,
        *("CRITIC_DEPTH=4", "ACTOR_DEPTH=4", "BATCH_SIZE=2048", SMALL),
    ),
    "ant, depth 64": (*ANT, *DEEP),
    "ant, depth 64, keep block inputs": (*ANT, *DEEP, "network.ResidualMLP.keep='block_inputs'"),
    "ant, depth 64, batch 2048": (*ANT, *DEEP, "BATCH_SIZE=2048", SMALL),
    "ant, depth 64, batch 2048 in 4 micro-batches": (
        *(*ANT, *DEEP, "BATCH_SIZE=2048", SMALL),
        "learner.ActorCritic.gradient_accumulation=4",
    ),
    "ant, depth 1024 and 512": ANT,
}


def main() -> None:
    """Measure, and print a table."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--cases", nargs="+", choices=CASES, default=list(CASES))
    parser.add_argument("--child", help=argparse.SUPPRESS)
    arguments = parser.parse_args()
    if arguments.child:
        print(json.dumps(measure_memory(*CASES[arguments.child])))
        return
    print(
        "| run | estimate | used | estimate / used | process |\n| --- | ---: | ---: | ---: | ---: |"
    )
    for name in arguments.cases:
        command = [sys.executable, __file__, "--child", name]
        done = subprocess.run(command, check=True, stdout=subprocess.PIPE, text=True)
        estimate, used, process = json.loads(done.stdout.splitlines()[-1])
        cells = [f"{bytes_ / 2**20:,.0f} MiB" for bytes_ in (estimate, used)]
        cells += [f"{estimate / used:.2f}", f"{process / 2**20:,.0f} MiB"]
        print(f"| {name} | {' | '.join(cells)} |", flush=True)


def measure_memory(file: str, *settings: str) -> tuple[int, int, int]:
    """Return bytes: the estimate, what compiled programs use, and the process's largest size."""
    import resource

    from dsl.language.configuration import load
    from dsl.loop.execution import FusedExecution, init_on_devices
    from dsl.training.build import build
    from dsl.training.memory import estimate_memory

    experiment = build(load(ROOT / file, settings))
    expected = sum(estimate_memory(experiment))
    program = experiment.program()
    loop = FusedExecution(program, init_on_devices(program, 0))
    needs = [part.compiled.memory_analysis() for part in (loop._run_iterations, loop._end_epoch)]
    used = [need.argument_size_in_bytes + need.temp_size_in_bytes for need in needs]
    return expected, max(used), 1024 * resource.getrusage(resource.RUSAGE_SELF).ru_maxrss


if __name__ == "__main__":
    main()
