"""Checks whether an experiment fits into the memory of this machine."""

import contextlib
import os
from collections.abc import Iterator
from pathlib import Path

import jax

from dsl.errors import UsageError
from dsl.experiment import Experiment
from dsl.loop.execution import assign_devices
from dsl.loop.sharding import usable_devices
from dsl.training.memory import MemoryEstimate, estimate_memory, format_bytes

# XLA may need less than the estimate: 480 MiB against 600 MiB where pairs of a batch dominate.
_SURELY_TOO_MUCH = 1.5
_CONTAINER_LIMIT = Path("/sys/fs/cgroup/memory.max")
# What to make smaller, by what takes the memory.
_CURES = {
    "parameters": "Make the networks narrower or shallower.",
    "optimisers": "Make the networks narrower or shallower.",
    "updates": "Make the networks narrower or shallower.",
    "activations": "Make batch_size or the networks smaller, or gradient_accumulation larger.",
    "replay": "Make the buffer's capacity or num_envs smaller.",
    "environments": "Make num_envs smaller.",
    "evaluation": "Make eval_episodes smaller.",
}


def require_memory(experiment: Experiment, seeds: int = 1, *, force: bool = False) -> None:
    """Refuse an experiment that cannot fit, before anything is allocated.

    Args:
        experiment: what will run.
        seeds: how many of its seeds train together.
        force: skip the check; the device may then run out of memory.

    Raises:
        UsageError: it needs more memory than the device has; says what needs the most.
    """
    if force:
        return
    memory, available = estimate_per_device(experiment, seeds), device_memory()
    if available is not None and sum(memory) > _SURELY_TOO_MUCH * available:
        raise UsageError(
            f"{_subject(seeds)} about {format_bytes(sum(memory))} of memory, and this device has "
            f"{format_bytes(available)}. {_advice(memory)} --force tries it anyway."
        )


@contextlib.contextmanager
def explain_out_of_memory(experiment: Experiment, seeds: int = 1) -> Iterator[None]:
    """Say what took the memory if the device runs out of it within a `with` block.

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
        memory = estimate_per_device(experiment, seeds)
        raise UsageError(
            f"the device has no memory left; by an estimate {_subject(seeds)} "
            f"{format_bytes(sum(memory))}. {_advice(memory)}"
        ) from error


def estimate_per_device(experiment: Experiment, seeds: int = 1) -> MemoryEstimate:
    """Estimate the memory that one device needs; the cores of a CPU count as one device.

    A single run is split over the devices, of several seeds every device has some as a whole.
    """
    if jax.default_backend() == "cpu":
        devices, seeds_each = 1, seeds
    elif seeds == 1:
        devices, seeds_each = assign_devices(experiment.program()).devices, 1
    else:
        devices, seeds_each = 1, seeds // usable_devices(len(jax.devices()), seeds)
    return MemoryEstimate(*(seeds_each * size for size in estimate_memory(experiment, devices)))


def _subject(seeds: int) -> str:
    return "the run needs" if seeds == 1 else f"{seeds} seeds together need"


def device_memory() -> int | None:
    """Return the bytes that the first device may use; None if it does not tell."""
    device = jax.devices()[0]
    if device.platform == "cpu":
        return min(_physical_memory(), _container_memory())
    return (device.memory_stats() or {}).get("bytes_limit")


def _physical_memory() -> int:
    return os.sysconf("SC_PHYS_PAGES") * os.sysconf("SC_PAGE_SIZE")


def _container_memory() -> int:
    """Return the limit of a container or a batch job; the file holds `max` if there is none."""
    try:
        return int(_CONTAINER_LIMIT.read_text())
    except (OSError, ValueError):
        return _physical_memory()


def _advice(memory: MemoryEstimate) -> str:
    largest, size = max(memory._asdict().items(), key=lambda item: item[1])
    cure = _CURES[largest]
    return f"Most of it: {largest}, {format_bytes(size)}. {cure} --check shows all of it."
