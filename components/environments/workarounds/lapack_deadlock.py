"""Keeps LAPACK calls of MJX from waiting for each other forever.

Before jaxlib 0.11.2 a large batched LAPACK call on a CPU hands parts of its batch to the pool of
threads that all CPU devices share, and waits for them in a thread of that pool. If every thread
waits, as with one device per core or several independent calls, no thread is left to do the work.
Here a large batch is computed in parts, one after the other, each small enough for LAPACK to
compute it in the calling thread; only the devices run in parallel. With two threads and two
devices, Cholesky factorisations of 192 matrices of 14 x 14 succeeded and those of 256 hung;
triangular systems of that size succeeded at 1,024 and hung at 2,048.
"""

import functools
from collections.abc import Callable
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
from jax.interpreters import mlir
from jax.lax import linalg
from jaxtyping import Array, Inexact

from components.environments.workarounds.announced import announce_workaround, is_switched_off

OPT_OUT = "KILOLAYER_NO_LAPACK_PARTS"
_DONE_IN_PLACE = (0, 11, 2)  # the jaxlib that no longer uses the pool
_LARGEST_PART = 100_000  # multiplications; calls with twice as many went well


@functools.cache
def factorise_in_parts() -> None:
    """Make LAPACK calls on CPUs small if this jaxlib needs it, in all programs compiled after this.

    Does nothing if the environment variable `KILOLAYER_NO_LAPACK_PARTS` is set.
    """
    if jax.__version_info__ < _DONE_IN_PLACE and not is_switched_off(OPT_OUT):
        announce_workaround(
            "Cholesky factors and triangular solves on CPUs are computed in parts in this process, "
            "because large batches can deadlock in this jaxlib.",
            OPT_OUT,
        )
        forms = {linalg.cholesky_p: cholesky, linalg.triangular_solve_p: triangular_solve}
        for primitive, form in forms.items():
            rule = mlir.lower_fun(form, multiple_results=False)
            mlir.register_lowering(primitive, rule, platform="cpu")


def cholesky(matrices: Inexact[Array, "*b n n"]) -> Inexact[Array, "*b n n"]:
    """Return lower factors, NaN for a matrix that has none; the upper halves are undefined.

    This is what `jax.lax.linalg.cholesky_p` returns.
    """
    return _in_parts(_factors, matrices.shape[-1] ** 3 // 3, matrices)


def triangular_solve(
    a: Inexact[Array, "*b n n"],
    b: Inexact[Array, "*b k m"],
    *,
    left_side: bool,
    lower: bool,
    transpose_a: bool,
    conjugate_a: bool,
    unit_diagonal: bool,
) -> Inexact[Array, "*b k m"]:
    """Solve op(a) x = b, or x op(a) = b, for x; the settings are as in `jax.lax.linalg`."""
    if conjugate_a and not transpose_a:
        a = a.conj()
    # LAPACK sees everything transposed: x' op(a)' = b', and the halves of `a` change places.
    settings = {
        "side": "R" if left_side else "L",
        "uplo": "U" if lower else "L",
        "trans_x": ("C" if conjugate_a else "T") if transpose_a else "N",
        "diag": "U" if unit_diagonal else "N",
    }

    def solve(a: Array, b: Array) -> Array:
        transposed = b.reshape(*b.shape[:-2], b.shape[-1], b.shape[-2])  # by its own columns
        (solution,) = _call("trsm_ffi", [transposed], a, transposed, **settings)
        return solution.reshape(b.shape)

    return _in_parts(solve, a.shape[-1] * b.shape[-2] * b.shape[-1], a, b)


def _in_parts(function: Callable[..., Array], work: int, *arrays: Array) -> Array:
    """Apply `function` to matrices in parts; each matrix takes `work` multiplications."""
    batch = arrays[0].shape[:-2]
    flat = [array.reshape(-1, *array.shape[-2:]) for array in arrays]
    part = max(1, _LARGEST_PART // max(1, work))
    if len(flat[0]) <= part:
        return function(*arrays)
    whole = len(flat[0]) // part * part
    in_parts = [array[:whole].reshape(-1, part, *array.shape[1:]) for array in flat]
    results = jax.lax.map(lambda part: function(*part), in_parts)
    results = results.reshape(whole, *results.shape[2:])
    if whole < len(flat[0]):
        results = jnp.concatenate([results, function(*(array[whole:] for array in flat))])
    return results.reshape(*batch, *results.shape[1:])


def _factors(matrices: Array) -> Array:
    info = jax.ShapeDtypeStruct(matrices.shape[:-2], jnp.int32)
    factors, failed = _call("potrf_ffi", [matrices, info], matrices, uplo="U")
    return jnp.where((failed == 0)[..., None, None], factors, jnp.nan)


def _call(name: str, results: list[Any], *arrays: Array, **settings: str) -> list[Array]:
    """Call a LAPACK function.

    LAPACK reads matrices by columns: one stored by rows is its transpose there, without a copy.
    """
    from jaxlib import lapack

    found = [jax.ShapeDtypeStruct(result.shape, result.dtype) for result in results]
    call = jax.ffi.ffi_call(lapack.prepare_lapack_call(name, arrays[0].dtype), found)
    letters = {setting: np.uint8(ord(letter)) for setting, letter in settings.items()}
    return list(call(*arrays, **letters))
