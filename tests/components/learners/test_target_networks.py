"""Target networks lag behind the trained ones."""

import functools

import chex
import equinox as eqx
import jax
import jax.numpy as jnp
import numpy as np
import pytest
from random_modules import filled

from components.constraints import SettingError
from components.learners.target_networks import Polyak, polyak
from components.networks import ResidualMLP


class Weights(eqx.Module):
    """A network with a parameter, a counter and a name."""

    weight: jax.Array
    steps: jax.Array
    name: str = eqx.field(static=True)


def weights(value, steps=0):
    return Weights(jnp.asarray([value, -value]), jnp.asarray(steps, jnp.int32), "w")


def follow(target, networks):
    """Targets that begin at 0, after each update of the networks (actor, critic)."""
    targets = target.init(weights(0.0), weights(0.0))
    found = [targets]
    for actor, critic in networks:
        found.append(target.update(found[-1], weights(actor), weights(critic)))
    return found[1:]


def test_a_target_moves_from_where_the_target_was():
    found = follow(Polyak(0.25, actor=True), [(8.0, 4.0), (8.0, 0.0), (16.0, -4.0)])
    actors = [float(targets.actor.weight[0]) for targets in found]
    critics = [float(targets.critic.weight[0]) for targets in found]
    assert actors == [2.0, 3.5, 6.625]
    assert critics == [1.0, 0.75, -0.4375]
    assert [float(targets.actor.weight[1]) for targets in found] == [-2.0, -3.5, -6.625]


def test_the_target_policy_lags_as_much_as_the_target_critic():
    """A target policy averaged from the current policy would have no lag at all."""
    found = follow(Polyak(0.005, actor=True), [(1.0, 1.0)] * 100)
    for step, targets in enumerate(found, start=1):
        np.testing.assert_allclose(targets.actor.weight[0], 1 - 0.995**step, rtol=1e-4)
        np.testing.assert_array_equal(targets.actor.weight, targets.critic.weight)


def test_a_policy_has_a_target_only_where_asked_for():
    assert Polyak().init(weights(1.0), weights(2.0)).actor is None
    assert follow(Polyak(0.5), [(1.0, 1.0)])[0].actor is None
    assert Polyak(actor=True).init(weights(1.0), weights(2.0)).actor is not None


@pytest.mark.parametrize(("rate", "expected"), [(1.0, 3.0), (0.0, 0.0)])
def test_at_once_or_never(rate, expected):
    (targets,) = follow(Polyak(rate), [(0.0, 3.0)])
    assert float(targets.critic.weight[0]) == expected


def test_whole_numbers_are_copied():
    moved = polyak(weights(0.0, steps=1), weights(2.0, steps=5), 0.5)
    assert float(moved.weight[0]) == 1.0
    assert int(moved.steps) == 5


def test_every_array_of_a_deep_network_moves():
    build = functools.partial(ResidualMLP, 8, 8, in_size=3, out_size=2)
    old, new = filled(build, 0), filled(build, 1)
    moved = jax.jit(lambda old, new: polyak(old, new, 0.125))(old, new)
    expected = jax.tree.map(lambda a, b: 0.875 * a + 0.125 * b, old, new)
    chex.assert_trees_all_close(moved, expected, rtol=1e-7, atol=1e-6)


def test_under_vmap():
    follow_one = lambda new: polyak(weights(0.0), weights(new), 0.25).weight[0]  # noqa: E731
    np.testing.assert_array_equal(jax.vmap(follow_one)(jnp.asarray([4.0, 8.0])), [1.0, 2.0])


def test_impossible_settings():
    with pytest.raises(SettingError, match=r"rate is 1\.5; it must lie between 0 and 1"):
        Polyak(1.5)
