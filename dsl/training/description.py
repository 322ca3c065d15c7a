"""Describe what a run consists of and what it will need, without running it."""

import math

from components.learners.inspection import named_networks, network_depth
from dsl.experiment import Experiment
from dsl.language.configuration import Configuration
from dsl.language.sweeps import Grid
from dsl.loop.program import TrainState
from dsl.loop.training_loop import abstract_train_state
from dsl.training.build import build
from dsl.training.learning_rates import describe_learning_rates
from dsl.training.memory import MemoryEstimate, count_elements, format_bytes
from dsl.training.memory_check import estimate_per_device
from dsl.training.physics_of_run import engine_name
from dsl.training.tables import titled_table


def describe_experiment(configuration: Configuration) -> str:
    """Return the experiment as text: pipeline, networks, memory, steps.

    Raises:
        ConfigError: the experiment cannot be built.
    """
    experiment = build(configuration)
    with configuration.locating_errors():
        state = abstract_train_state(experiment.program())
    memory = estimate_per_device(experiment)
    parts = [
        titled_table("Pipeline", _pipeline_rows(configuration)),
        titled_table("Networks", _network_rows(state)),
        titled_table("Device memory, estimated", _memory_rows(memory)),
        titled_table("Run", _schedule_rows(experiment)),
    ]
    if configuration.grid:
        parts.append(titled_table("Sweep", _sweep_rows(configuration.grid)))
    if scopes := configuration.default_scopes():
        rows = [(scope, ", ".join(words)) for scope, words in scopes.items()]
        parts.append(titled_table("Scopes without settings of their own (defaults only)", rows))
    if lost := configuration.settings_without_effect():
        parts.append(titled_table("Settings that apply to nothing", [(line,) for line in lost]))
    return "\n\n".join(parts)


def _sweep_rows(grid: Grid) -> list[tuple[str, ...]]:
    runs = math.prod(len(values) for values in grid.values())
    rows = [
        (_join_names(names), ", ".join(map(_join_names, values))) for names, values in grid.items()
    ]
    return [("runs", f"{runs:,}"), *rows]


def _join_names(texts: tuple[str, ...]) -> str:
    return texts[0] if len(texts) == 1 else f"({', '.join(texts)})"


def _pipeline_rows(configuration: Configuration) -> list[tuple[str, ...]]:
    return [("place", "word", "settings"), *configuration.pipeline()]


def _network_rows(state: TrainState) -> list[tuple[str, ...]]:
    rows = []
    for learner, learner_state in state.learners.items():
        prefix = f"{learner}." if len(state.learners) > 1 else ""
        for name, module in named_networks(learner_state.networks).items():
            rows.append(
                (prefix + name, f"{count_elements(module):,}", str(network_depth(module) or ""))
            )
    total = count_elements([s.networks for s in state.learners.values()])
    return [("network", "parameters", "depth"), *rows, ("total", f"{total:,}", "")]


def _memory_rows(memory: MemoryEstimate) -> list[tuple[str, ...]]:
    rows = [(name, format_bytes(size)) for name, size in memory._asdict().items()]
    return [*rows, ("total", format_bytes(sum(memory)))]


def _schedule_rows(experiment: Experiment) -> list[tuple[str, ...]]:
    schedule = experiment.schedule()
    steps, updates = schedule.env_steps(schedule.epochs), schedule.updates(schedule.epochs)
    asked = experiment.total_env_steps
    per_epoch = schedule.iterations_per_epoch * schedule.steps_per_iteration
    return [
        ("physics", engine_name(experiment) or "none"),
        ("environment steps", f"{steps:,} ({asked:,} asked for, rounded up to whole epochs)"),
        ("epochs", f"{schedule.epochs:,} of {per_epoch:,} environment steps"),
        ("before the first update", f"{schedule.env_steps(0):,} environment steps"),
        ("gradient updates", f"{updates:,} of {experiment.batch_size:,} transitions"),
        ("environment steps per update", f"{steps / updates:.1f}"),
        *describe_learning_rates(experiment.learners, updates),
    ]
