"""Reports from compiled programs that a buffer of MuJoCo-Warp was too small."""

import jax
import jax.numpy as jnp
import numpy as np
from jaxtyping import Array, Int

from components.environments.core.physics.warp_buffers import Sizes

# Flags of MuJoCo-Warp (`OverflowType`): rows, entries of their Jacobian; pairs of geoms, contacts,
# contacts of convex shapes. Others, such as a solver at its limit, leave nothing out.
_ROWS, _CONTACTS = 1 << 0 | 1 << 1, 1 << 2 | 1 << 3 | 1 << 4
SPACE_FLAGS = _ROWS | _CONTACTS

_problems: list[str] = []


def report_overflow(flags: Int[Array, " n"], sizes: Sizes) -> None:
    """Keep the problem for `take_overflow` if any of n environments has a flag set.

    May be traced.
    """

    def report(flags: Array) -> None:
        jax.debug.callback(
            lambda found: _problems.append(_describe(np.asarray(found), sizes)), flags
        )

    jax.lax.cond(jnp.any(flags != 0), report, lambda _: None, flags)


def take_overflow() -> str | None:
    """Return what had too little space since the last call and what to set, or None."""
    jax.effects_barrier()
    problem = _problems[0] if _problems else None
    _problems.clear()
    return problem


def _describe(flags: np.ndarray, sizes: Sizes) -> str:
    if np.any(flags & _ROWS):
        setting, what, size = "max_constraints", "constraint rows", sizes.constraints
    else:
        setting, what, size = "max_contacts", "contacts per environment", sizes.contacts
    count = np.count_nonzero(flags)
    return (
        f"MuJoCo-Warp had space for {size} {what}, too few for {count} of {len(flags)} "
        f"environments. Set physics.Warp.{setting} = {2 * size}."
    )
