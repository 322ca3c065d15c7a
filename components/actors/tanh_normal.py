"""A distribution of bounded actions: a normal squashed by tanh."""

import jax
import jax.numpy as jnp
import numpy as np
from jaxtyping import Array, Float, Key

from components.protocols import PolicyDistribution

# Two float32 steps below 1, where arctanh is 8.3; at 1 it would be infinite.
LARGEST_ACTION = 1 - float(np.finfo(np.float32).eps)


def log_tanh_slope(u: Float[Array, " a"]) -> Float[Array, " a"]:
    r"""Return $\log (1 - \tanh^2 u) = 2 (\log 2 - u - \mathrm{softplus}(-2u))$, exactly."""
    return 2 * (np.log(2).item() - u - jax.nn.softplus(-2 * u))


class TanhNormal(PolicyDistribution):
    r"""$a = \tanh u$ with independent $u_k \sim N(\mu_k, \sigma_k^2)$; each $a_k$ in [-1, 1].

    $\log \pi(a) = \sum_k \log N(u_k; \mu_k, \sigma_k^2) - \log(1 - \tanh^2 u_k)$

    Reference: Haarnoja et al., "Soft Actor-Critic", 2018, appendix C.

    Attributes:
        mean: mean of u.
        log_std: natural logarithm of the standard deviation of u.
    """

    mean: Float[Array, " a"]
    log_std: Float[Array, " a"]

    def mode(self) -> Float[Array, " a"]:
        """Return tanh of the mean, which is the median of the distribution."""
        return jnp.tanh(self.mean)

    def sample(self, key: Key[Array, ""]) -> Float[Array, " a"]:
        """Draw an action."""
        return self.sample_and_log_prob(key)[0]

    def sample_and_log_prob(
        self, key: Key[Array, ""]
    ) -> tuple[Float[Array, " a"], Float[Array, ""]]:
        """Draw an action with its log-density, both differentiable in `mean` and `log_std`."""
        noise = jax.random.normal(key, self.mean.shape, self.mean.dtype)
        u = self.mean + jnp.exp(self.log_std) * noise
        return jnp.tanh(u), self._log_density(u, noise)

    def log_prob(self, action: Float[Array, " a"]) -> Float[Array, ""]:
        """Return the log-density of an action; -1 and 1 count as the nearest action inside."""
        u = jnp.arctanh(jnp.clip(action, -LARGEST_ACTION, LARGEST_ACTION))
        return self._log_density(u, (u - self.mean) * jnp.exp(-self.log_std))

    def _log_density(self, u: Float[Array, " a"], noise: Float[Array, " a"]) -> Float[Array, ""]:
        log_normal = -0.5 * jnp.square(noise) - self.log_std - 0.5 * np.log(2 * np.pi).item()
        return jnp.sum(log_normal - log_tanh_slope(u))
