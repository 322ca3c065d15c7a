"""Names the devices that programs are traced for, and those that share batches."""

from collections.abc import Sequence
from contextlib import AbstractContextManager
from typing import Any

import jax
from jax.sharding import Mesh

# JAX keeps programs traced for other devices apart.
_described = jax.make_user_context(default_value=())
_batch_mesh = jax.make_user_context(default_value=None)


def tracing_for(devices: Sequence[Any]) -> AbstractContextManager[None]:
    """Trace for these devices, which may only be described, in a `with` block.

    Otherwise programs are traced for the devices of this machine.
    """
    return _described(tuple(devices))


def target_devices() -> tuple[Any, ...]:
    """Return the devices that a program traced now will run on."""
    return _described.value or tuple(jax.devices())


def target_platform() -> str:
    """Return the kind of these devices: cpu, gpu or tpu."""
    described = _described.value
    return described[0].platform if described else jax.default_backend()


def sharing_batches(mesh: Mesh) -> AbstractContextManager[None]:
    """Say, in a `with` block, that batches are split over the devices of a mesh of one axis."""
    return _batch_mesh(mesh)


def batch_mesh() -> Mesh | None:
    """Return the mesh whose devices share the batches of a program traced now, or None."""
    return _batch_mesh.value
