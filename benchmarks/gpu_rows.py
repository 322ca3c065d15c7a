"""Lists the measurements of `gpu_suite.py`: rows by stage, in groups that share a process."""

from typing import Any

from fused_stack_rows import stack_rows

Row = dict[str, Any]

STAGES = ("correctness", "updates", "stacks", "card", "learning", "iterations", "figure")
FREE_ANT, PAPER_TASKS = "experiments/free_ant.gin", "experiments/paper/depth.gin"
SEEDS, STEPS = [0, 1, 2], 10_000_000
# Loops as parts of CUDA graphs, which XLA leaves outside of them by default.
WHILE_IN_GRAPHS = "--xla_gpu_enable_command_buffer=+WHILE"
# To rehearse everything on a CPU; what they measure means nothing.
SMALL_RUN = [
    *("NUM_ENVS=4", "BATCH_SIZE=8", "WIDTH=8", "TOTAL_ENV_STEPS=200"),
    *("Experiment.unroll_length=10", "Experiment.updates_per_iteration=2"),
    *("Experiment.prefill_steps=10", "Experiment.evaluations=2", "Experiment.eval_episodes=2"),
]
SMALL_BUFFER = "buffer.TrajectoryBuffer.capacity=1001"


def row_groups(stage: str, kernels: list[str], *, small: bool = False) -> list[list[Row]]:
    """Return the rows of a stage, most valuable first; each group shares a process.

    Args:
        stage: one of `STAGES`.
        kernels: forms of the residual stacks to be measured.
        small: whether rows take seconds on a CPU.
    """
    if stage == "updates":
        return _updates(kernels, small)
    if stage == "correctness":
        return _correctness(kernels, small)
    makers = {
        "stacks": _stacks,
        "card": _card,
        "learning": _learning,
        "iterations": _iterations,
        "figure": _figure,
    }
    return makers[stage](small)


def _stacks(small: bool) -> list[list[Row]]:
    return [[{"stage": "stacks", "kind": kind, **row} for kind, row in stack_rows(small)]]


def _card(small: bool) -> list[list[Row]]:
    return [[{"stage": "card", "size": 256 if small else 8192}]]


def _correctness(kernels: list[str], small: bool) -> list[list[Row]]:
    depths, width, batch = ([4], 16, 8) if small else ([4, 64], 256, 512)
    updates = [
        [
            {"stage": "update_error", "depth": depth, "kernel": kernel, "precision": precision}
            | {"batch": batch, "width": width}
            for depth in depths
            for precision in ("highest", "float32", "bfloat16")
        ]
        for kernel in kernels
    ]
    envs, tasks = (2, ["ant"]) if small else (64, ["ant", "arm_push_easy"])
    return [*updates, [{"stage": "physics_error", "task": task, "envs": envs} for task in tasks]]


def _updates(kernels: list[str], small: bool) -> list[list[Row]]:
    batch, width = (8, 16) if small else (512, 256)
    depths = (4, 8) if small else (4, 16, 64, 256, 1024)

    def rows(depths: tuple[int, ...], precisions: tuple[str, ...], **fixed: str) -> list[Row]:
        return [
            {"stage": "updates", "depth": depth, "precision": precision, **fixed}
            | {"batch": batch, "width": width}
            for depth in depths
            for precision in precisions
        ]

    # A program that breaks the card takes its process along, so forms do not share one.
    return [
        *(rows(depths, ("float32",), kernel=kernel) for kernel in kernels),
        rows(depths[:3], ("float32",), kernel="xla", flags=WHILE_IN_GRAPHS),
        *(rows(depths[:3], ("bfloat16", "highest"), kernel=kernel) for kernel in kernels),
        *(rows(depths[3:], ("bfloat16", "highest"), kernel=kernel) for kernel in kernels),
    ]


def _learning(small: bool) -> list[list[Row]]:
    if small:
        return [[_run("ant", 4, [*SMALL_RUN, SMALL_BUFFER], SEEDS[:2])]]
    rows = [_run("ant", 4, ["Experiment.evaluations=20", f"TOTAL_ENV_STEPS={STEPS}"], SEEDS)]
    rows += [
        _run(task, depth, ["Experiment.evaluations=10", f"TOTAL_ENV_STEPS={STEPS}"], SEEDS)
        for task in ("ant_u4_maze", "humanoid", "arm_push_easy")
        for depth in (4, 16)
    ]
    return [[row] for row in rows]


def _run(task: str, depth: int, settings: list[str], seeds: list[int]) -> Row:
    """Describe a training run of several seeds."""
    chosen = [] if task == "ant" else [f"TASK='{task}'"]
    depths = [f"CRITIC_DEPTH={depth}", f"ACTOR_DEPTH={depth}"]
    return {
        "stage": "learning",
        "name": f"{task}_{depth}",
        "file": FREE_ANT if task == "ant" else PAPER_TASKS,
        "set": [*chosen, *depths, *settings, "Experiment.checkpoint_minutes=1000"],
        "seeds": seeds,
    }


def _iterations(small: bool) -> list[list[Row]]:
    """Return rows with a process each, since processes trace side by side."""
    if small:
        rows = [
            {"stage": "iterations", "task": "ant", "depth": 4, "set": [*SMALL_RUN, SMALL_BUFFER]},
            {"stage": "environments", "task": "ant", "envs": 4},
        ]
        return [[row] for row in rows]
    depths = {"ant": (4,), "arm_push_easy": (4,), "ant_big_maze": (4, 64), "humanoid": (4, 64)}
    whole = [
        {"stage": "iterations", "task": task, "depth": depth}
        # Deep networks take long enough for fewer updates to tell.
        | ({"updates": 100} if depth > 4 else {})
        for task, chosen in depths.items()
        for depth in chosen
    ]
    alone = [
        {"stage": "environments", "task": task, "envs": envs, **flags}
        for flags in ({}, {"flags": WHILE_IN_GRAPHS})
        for task in depths
        for envs in (512, 4096)
    ]
    return [[row] for row in (*whole, *alone)]


def _figure(small: bool) -> list[list[Row]]:
    """Describe a piece of the paper's Figure 1: one task, three depths, a fifth of its steps."""
    depths, settings = (4, 16, 64), ["Experiment.evaluations=20", f"TOTAL_ENV_STEPS={2 * STEPS}"]
    if small:
        depths, settings = (4, 8), [*SMALL_RUN, SMALL_BUFFER]
    runs = [_run("ant_big_maze", depth, settings, SEEDS) for depth in depths]
    return [[{**run, "stage": "figure", "name": f"figure_{run['name']}"}] for run in runs]
