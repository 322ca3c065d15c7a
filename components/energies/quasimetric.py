"""Energies from quasimetrics: distances that need not be symmetric."""

import equinox as eqx
import jax
import jax.numpy as jnp
from jaxtyping import Array, Float

from components.constraints import PositiveFloat, check
from components.energies.similarities import Energy, squared_distances
from components.target_devices import target_platform


class NegativeMRN(Energy):
    r"""$-\sqrt{\|x_s - y_s\|^2 + \epsilon} - \max_k \mathrm{relu}(x_{a,k} - y_{a,k})$.

    The first half of an embedding, $x_s$, is compared by a metric, the second, $x_a$, by an
    asymmetric distance; their sum satisfies the triangle inequality and need not be symmetric.

    Reference: Liu et al., "Metric Residual Networks for Sample Efficient Goal-Conditioned
    Reinforcement Learning", 2023, section 4; Myers et al., "Learning Temporal Distances:
    Contrastive Successor Features Can Provide a Metric Structure for Decision-Making", 2024 (CMD).
    """

    epsilon: float = eqx.field(static=True)

    def __init__(self, epsilon: PositiveFloat = 1e-6):
        """Args:
            epsilon: added to the squared distance under the root.

        Raises:
            SettingError: `epsilon` is not positive.
        """
        check(NegativeMRN, epsilon=epsilon)
        self.epsilon = epsilon

    def __call__(self, x: Float[Array, " d"], y: Float[Array, " d"]) -> Float[Array, ""]:
        (x_s, x_a), (y_s, y_a) = _halves(x), _halves(y)
        symmetric = jnp.sqrt(jnp.sum(jnp.square(x_s - y_s)) + self.epsilon)
        return -symmetric - jnp.max(jax.nn.relu(x_a - y_a))

    def pairwise(self, xs: Float[Array, "B d"], ys: Float[Array, "C d"]) -> Float[Array, "B C"]:
        (xs_s, xs_a), (ys_s, ys_a) = _halves(xs), _halves(ys)

        # Rows are computed again for the gradient, and on a CPU one by one, so that the memory is
        # (B, C) + (C, d) and never (B, C, d). On a GPU each round of a loop is several launches,
        # and XLA fuses the maximum with what it is taken of.
        @jax.checkpoint
        def row(x):
            return jnp.max(jax.nn.relu(x[None, :] - ys_a), axis=1)

        symmetric = jnp.sqrt(squared_distances(xs_s, ys_s) + self.epsilon)
        one_by_one = target_platform() == "cpu"
        asymmetric = jax.lax.map(row, xs_a) if one_by_one else jax.vmap(row)(xs_a)
        return -symmetric - asymmetric


def _halves(x: Float[Array, "*b d"]) -> tuple[Float[Array, "*b s"], Float[Array, "*b t"]]:
    half = x.shape[-1] // 2
    return x[..., :half], x[..., half:]
