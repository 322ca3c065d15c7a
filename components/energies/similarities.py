"""Energies: similarities of two embeddings, higher if they are closer.

Except in `NegativeL1`, `pairwise` is one matrix product, so its memory is (B, C) for any dimension
d of the embeddings.
"""

import abc

import equinox as eqx
import jax
import jax.numpy as jnp
from jaxtyping import Array, Float

from components.constraints import PositiveFloat, check
from components.target_devices import target_platform


class Energy(eqx.Module):
    """A scalar similarity of two embeddings of dimension d, and its matrix over two batches."""

    @abc.abstractmethod
    def __call__(self, x: Float[Array, " d"], y: Float[Array, " d"]) -> Float[Array, ""]:
        """Return the energy of one pair."""

    @abc.abstractmethod
    def pairwise(self, xs: Float[Array, "B d"], ys: Float[Array, "C d"]) -> Float[Array, "B C"]:
        """Return the matrix whose entry [i, j] is the energy of `xs[i]` and `ys[j]`."""


def inner_products(xs: Float[Array, "B d"], ys: Float[Array, "C d"]) -> Float[Array, "B C"]:
    r"""Return $x_i \cdot y_j$, in full float32 on every device."""
    return jnp.matmul(xs, ys.T, precision=jax.lax.Precision.HIGHEST)


def squared_distances(xs: Float[Array, "B d"], ys: Float[Array, "C d"]) -> Float[Array, "B C"]:
    r"""Return $\|x_i\|^2 + \|y_j\|^2 - 2 x_i \cdot y_j$, clamped at 0.

    Both batches are first shifted by the mean of `ys`. This changes no distance, and without it
    large embeddings that differ little would cancel. The remaining error is absolute, below
    $10^{-6} (\|x_i - \bar y\|^2 + \|y_j - \bar y\|^2)$ for d up to 256.
    """
    centre = jax.lax.stop_gradient(jnp.mean(ys, axis=0, keepdims=True))
    xs, ys = xs - centre, ys - centre
    xs_squared = jnp.sum(jnp.square(xs), axis=1)
    ys_squared = jnp.sum(jnp.square(ys), axis=1)
    squared = xs_squared[:, None] + ys_squared[None, :] - 2 * inner_products(xs, ys)
    return jnp.maximum(squared, 0)


class NegativeL2(Energy):
    r"""$-\sqrt{\|x - y\|^2 + \epsilon}$, minus the distance.

    The epsilon keeps the gradient finite for equal embeddings; the paper writes the energy without
    its minus sign and computes the root without epsilon.

    Reference: Wang et al., "1000 Layer Networks for Self-Supervised RL", 2025, section 3.
    """

    epsilon: float = eqx.field(static=True)

    def __init__(self, epsilon: PositiveFloat = 1e-6):
        """Args:
            epsilon: added to the squared distance under the root.

        Raises:
            SettingError: `epsilon` is not positive.
        """
        check(NegativeL2, epsilon=epsilon)
        self.epsilon = epsilon

    def __call__(self, x: Float[Array, " d"], y: Float[Array, " d"]) -> Float[Array, ""]:
        return -jnp.sqrt(jnp.sum(jnp.square(x - y)) + self.epsilon)

    def pairwise(self, xs: Float[Array, "B d"], ys: Float[Array, "C d"]) -> Float[Array, "B C"]:
        return -jnp.sqrt(squared_distances(xs, ys) + self.epsilon)


class NegativeSquaredL2(Energy):
    r"""$-\|x - y\|^2$."""

    def __call__(self, x: Float[Array, " d"], y: Float[Array, " d"]) -> Float[Array, ""]:
        return -jnp.sum(jnp.square(x - y))

    def pairwise(self, xs: Float[Array, "B d"], ys: Float[Array, "C d"]) -> Float[Array, "B C"]:
        return -squared_distances(xs, ys)


class Dot(Energy):
    r"""$x \cdot y$."""

    def __call__(self, x: Float[Array, " d"], y: Float[Array, " d"]) -> Float[Array, ""]:
        return jnp.dot(x, y, precision=jax.lax.Precision.HIGHEST)

    def pairwise(self, xs: Float[Array, "B d"], ys: Float[Array, "C d"]) -> Float[Array, "B C"]:
        return inner_products(xs, ys)


class Cosine(Energy):
    r"""$\frac{x \cdot y}{\sqrt{\|x\|^2 + \epsilon} \sqrt{\|y\|^2 + \epsilon}}$, within [-1, 1]."""

    epsilon: float = eqx.field(static=True)

    def __init__(self, epsilon: PositiveFloat = 1e-6):
        """Args:
            epsilon: added to the squared norms, so that the gradient at 0 is finite.

        Raises:
            SettingError: `epsilon` is not positive.
        """
        check(Cosine, epsilon=epsilon)
        self.epsilon = epsilon

    def _direction(self, x: Float[Array, "*b d"]) -> Float[Array, "*b d"]:
        squared_norm = jnp.sum(jnp.square(x), axis=-1, keepdims=True)
        return x * jax.lax.rsqrt(squared_norm + self.epsilon)

    def __call__(self, x: Float[Array, " d"], y: Float[Array, " d"]) -> Float[Array, ""]:
        return Dot()(self._direction(x), self._direction(y))

    def pairwise(self, xs: Float[Array, "B d"], ys: Float[Array, "C d"]) -> Float[Array, "B C"]:
        return inner_products(self._direction(xs), self._direction(ys))


class NegativeL1(Energy):
    r"""$-\sum_k |x_k - y_k|$.

    No matrix product computes this. On a CPU `pairwise` goes row by row and computes each row again
    for its gradient, so its memory is (B, C) + (C, d), never (B, C, d). On a GPU, where each round
    of a loop is several launches, XLA fuses the sums with the differences that they are taken of.
    """

    def __call__(self, x: Float[Array, " d"], y: Float[Array, " d"]) -> Float[Array, ""]:
        return -jnp.sum(jnp.abs(x - y))

    def pairwise(self, xs: Float[Array, "B d"], ys: Float[Array, "C d"]) -> Float[Array, "B C"]:
        if target_platform() != "cpu":
            return -_absolute_distances(xs, ys)

        @jax.checkpoint
        def row(x):
            return -jnp.sum(jnp.abs(x[None, :] - ys), axis=1)

        return jax.lax.map(row, xs)


@jax.custom_vjp
def _absolute_distances(xs: Float[Array, "B d"], ys: Float[Array, "C d"]) -> Float[Array, "B C"]:
    return jax.vmap(lambda x: jnp.sum(jnp.abs(x[None, :] - ys), axis=1))(xs)


def _distances_forward(xs: Array, ys: Array) -> tuple[Array, tuple[Array, Array]]:
    return _absolute_distances(xs, ys), (xs, ys)


def _distances_backward(batches: tuple[Array, Array], slopes: Array) -> tuple[Array, Array]:
    """Return the gradients by both batches, neither from signs that are kept for the other."""

    def gradient(point: Array, others: Array, slopes: Array) -> Array:
        return jnp.sum(slopes[:, None] * jnp.sign(point[None, :] - others), axis=0)

    xs, ys = batches
    by_point = jax.vmap(gradient, in_axes=(0, None, 0))
    return by_point(xs, ys, slopes), by_point(ys, xs, slopes.T)


_absolute_distances.defvjp(_distances_forward, _distances_backward)
