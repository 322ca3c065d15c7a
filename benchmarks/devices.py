"""One device for a run against one per CPU core: seconds of an epoch's parts.

    python benchmarks/devices.py                   # about ten minutes on 2 cores

Three forms take turns in one process, so that other work on the machine meets them alike: all on
one device; everything split over the devices, as on accelerators; environments split and updates on
one device, as on CPUs. Ratios are medians over rounds of the first form's time by the form's.
"""

import argparse
import os
import statistics
import time
from collections.abc import Callable
from dataclasses import replace

WORKLOADS = {
    "point": ("experiments/quickstart.gin", ()),
    "ant": (
        "experiments/ant_maze_1024.gin",
        (
            *("NUM_ENVS=64", "BATCH_SIZE=256", "CRITIC_DEPTH=4", "ACTOR_DEPTH=4"),
            *("Experiment.updates_per_iteration=50", "Experiment.prefill_steps=124"),
            *("Experiment.eval_episodes=64", "eval/env.AntMaze.episode_length=100"),
        ),
    ),
}


def main() -> None:
    arguments = _arguments()
    import jax

    jax.config.update("jax_num_cpu_devices", arguments.devices)
    for name in arguments.workloads:
        _report(name, arguments.devices, arguments.rounds)


def _report(name: str, devices: int, rounds: int) -> None:
    forms = _forms(name, devices)
    print(f"\n{name}, {devices} devices")
    print(f"{'':24}{''.join(f'{form:>26}' for form in forms)}")
    for part in next(iter(forms.values())):
        times = [[_seconds(parts[part]) for parts in forms.values()] for _ in range(rounds)]
        cells = []
        for i in range(len(forms)):
            median = statistics.median(row[i] for row in times)
            ratio = statistics.median(row[0] / row[i] for row in times)
            cells.append(f"{median:.3f} s, ratio {ratio:.2f}")
        print(f"{part:24}{''.join(f'{cell:>26}' for cell in cells)}", flush=True)


def _forms(name: str, devices: int) -> dict[str, dict[str, Callable[[], None]]]:
    from dsl.language.configuration import load
    from dsl.loop import execution
    from dsl.training.build import build

    file, settings = WORKLOADS[name]
    experiment = build(load(file, settings))
    one, many = (replace(experiment.program(), devices=n) for n in (1, devices))
    updates = experiment.updates_per_iteration
    init, fused = execution.init_on_devices, execution.FusedExecution
    all_split = _split(many, init(one, 0))
    return {
        "one device": _parts(fused, one, init(one, 0), updates),
        "all split": _parts(fused, many, all_split, updates),
        "environments split": _parts(execution.SplitCpuExecution, many, init(many, 0), updates),
    }


def _split(program, state):
    import jax

    from dsl.loop.sharding import shardings, train_state_specs

    return jax.device_put(state, shardings(program, train_state_specs(state)))


def _parts(form, program, state, updates: int) -> dict[str, Callable[[], None]]:
    """Return the epochs to time, after a first one that fills the buffer."""
    import jax

    loop, latest = form(program, state), [state]

    def run(iterations: int, updates: int) -> None:
        advanced = loop.run_iterations(latest[0], iterations, updates)
        latest[0], metrics, _, _ = loop.end_epoch(advanced, max(iterations * updates, 1))
        jax.device_get(metrics)

    run(2, 0)
    return {
        "evaluation": lambda: run(0, 0),
        "and 3 rollouts": lambda: run(3, 0),
        f"and 3 x {updates} updates": lambda: run(3, updates),
    }


def _seconds(run: Callable[[], None]) -> float:
    begun = time.perf_counter()
    run()
    return time.perf_counter() - begun


def _arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    parser.add_argument("workloads", nargs="*", default=list(WORKLOADS))
    parser.add_argument("--rounds", type=int, default=9)
    parser.add_argument("--devices", type=int, default=len(os.sched_getaffinity(0)))
    return parser.parse_args()


if __name__ == "__main__":
    main()
