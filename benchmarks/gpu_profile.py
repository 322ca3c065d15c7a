"""Kernels that a call launches on a GPU, as JAX's profiler sees them."""

import collections
import tempfile
from collections.abc import Callable
from pathlib import Path
from typing import NamedTuple

import jax

MOST_NAMES = 12


class LaunchedKernel(NamedTuple):
    """Names a kernel launch and its duration.

    Attributes:
        name: as the compiler has called it.
        milliseconds: that it took.
    """

    name: str
    milliseconds: float


def launched_kernels(call: Callable[[], None]) -> list[LaunchedKernel]:
    """Return all kernels that a call launches on the device; none on a CPU.

    While the profiler looks on no CUDA graphs are used, so that every kernel is seen.
    """
    if jax.default_backend() == "cpu":
        return []
    with tempfile.TemporaryDirectory() as folder:
        with jax.profiler.trace(folder):
            call()
        (path,) = Path(folder).rglob("*.xplane.pb")
        planes = list(jax.profiler.ProfileData.from_file(str(path)).planes)
    return [
        LaunchedKernel(event.name, event.duration_ns / 1e6)
        for plane in planes
        if plane.name.startswith("/device:GPU")
        for line in plane.lines
        if line.name.startswith("Stream")
        for event in line.events
    ]


def longest_kernels(kernels: list[LaunchedKernel], calls: int) -> list[tuple[str, float, float]]:
    """Return name, launches and milliseconds per call of the kernels that take the most time."""
    counts, times = collections.Counter(), collections.Counter()
    for name, milliseconds in kernels:
        counts[name] += 1
        times[name] += milliseconds
    return [
        (name, counts[name] / calls, round(time / calls, 4))
        for name, time in times.most_common(MOST_NAMES)
    ]
