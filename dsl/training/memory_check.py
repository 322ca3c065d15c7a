"""Whether an experiment fits into the memory of the machine that is to run it."""

import contextlib
import os
from collections.abc import Iterator
from pathlib import Path

import jax

from dsl.errors import UsageError
from dsl.experiment import Experiment
from dsl.loop.sharding import most
from dsl.training.memory_estimate import Memory, estimate, in_words, state_shape

# XLA may need less than the estimate: 480 MiB against 600 MiB where pairs of a batch dominate.
_SURELY_TOO_MUCH = 1.5
_CONTAINER_LIMIT = Path("/sys/fs/cgroup/memory.max")
# What to make smaller, by what takes the memory.
_CURES = {
    "parameters": "Make the networks narrower or shallower.",
    "optimisers": "Make the networks narrower or shallower.",
    "updates": "Make the networks narrower or shallower.",
    "activations": "Make batch_size or the networks smaller.",
    "replay": "Make the buffer's capacity or num_envs smaller.",
    "environments": "Make num_envs smaller.",
    "evaluation": "Make eval_episodes smaller.",
}


def require_room(experiment: Experiment, seeds: int = 1) -> None:
    """Refuse an experiment that cannot fit, before anything is allocated.

    Args:
        experiment: what is to run.
        seeds: how many of its seeds train together.

    Raises:
        UsageError: it needs more memory than the device has; says what needs the most.
    """
    memory, available = _estimate(experiment, seeds), device_memory()
    if available is not None and sum(memory) > _SURELY_TOO_MUCH * available:
        raise UsageError(
            f"{_named(seeds)} about {in_words(sum(memory))} of memory, and this device has "
            f"{in_words(available)}. {_advice(memory)}"
        )


@contextlib.contextmanager
def out_of_memory_in_words(experiment: Experiment, seeds: int = 1) -> Iterator[None]:
    """Say what took the memory where the device has none left within a `with` block.

    Args:
        experiment: what runs.
        seeds: how many of its seeds train together.

    Raises:
        UsageError: the device ran out of memory.
    """
    try:
        yield
    except jax.errors.JaxRuntimeError as error:
        if "RESOURCE_EXHAUSTED" not in str(error):
            raise
        memory = _estimate(experiment, seeds)
        raise UsageError(
            f"the device has no memory left; by an estimate {_named(seeds)} "
            f"{in_words(sum(memory))}. {_advice(memory)}"
        ) from error


def _estimate(experiment: Experiment, seeds: int) -> Memory:
    """Of one device; the cores of a CPU share their memory."""
    devices = 1 if jax.default_backend() == "cpu" else most(len(jax.devices()), seeds)
    one = estimate(experiment, state_shape(experiment))
    return Memory(*(seeds // devices * size for size in one))


def _named(seeds: int) -> str:
    return "the run needs" if seeds == 1 else f"{seeds} seeds together need"


def device_memory() -> int | None:
    """Bytes that the first device may use; None where it does not say."""
    device = jax.devices()[0]
    if device.platform == "cpu":
        return min(_physical_memory(), _container_memory())
    return (device.memory_stats() or {}).get("bytes_limit")


def _physical_memory() -> int:
    return os.sysconf("SC_PHYS_PAGES") * os.sysconf("SC_PAGE_SIZE")


def _container_memory() -> int:
    """The limit of a container or a batch job; the file holds `max` where there is none."""
    try:
        return int(_CONTAINER_LIMIT.read_text())
    except (OSError, ValueError):
        return _physical_memory()


def _advice(memory: Memory) -> str:
    largest, size = max(memory._asdict().items(), key=lambda item: item[1])
    return f"Most of it: {largest}, {in_words(size)}. {_CURES[largest]} --check shows all of it."
