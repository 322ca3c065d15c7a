"""Whether an experiment fits into the memory of the machine that is to run it."""

import contextlib
import os
from collections.abc import Iterator
from pathlib import Path

import jax

from dsl.errors import UsageError
from dsl.experiment import Experiment
from dsl.memory import Memory, estimate, in_words, state_shape

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


def require_room(experiment: Experiment) -> None:
    """Refuse an experiment that cannot fit, before anything is allocated.

    Raises:
        UsageError: it needs more memory than the device has; says what needs the most.
    """
    memory, available = estimate(experiment, state_shape(experiment)), device_memory()
    if available is not None and sum(memory) > _SURELY_TOO_MUCH * available:
        raise UsageError(
            f"the run needs about {in_words(sum(memory))} of memory, and this device has "
            f"{in_words(available)}. {_advice(memory)}"
        )


@contextlib.contextmanager
def out_of_memory_in_words(experiment: Experiment) -> Iterator[None]:
    """Say what took the memory where the device has none left within a `with` block.

    Raises:
        UsageError: the device ran out of memory.
    """
    try:
        yield
    except jax.errors.JaxRuntimeError as error:
        if "RESOURCE_EXHAUSTED" not in str(error):
            raise
        memory = estimate(experiment, state_shape(experiment))
        raise UsageError(
            f"the device has no memory left; the run was estimated to need "
            f"{in_words(sum(memory))}. {_advice(memory)}"
        ) from error


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
