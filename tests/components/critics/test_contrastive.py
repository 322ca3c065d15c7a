"""The contrastive critic: logits against single calls, and its size against the published one."""

import functools

import chex
import equinox as eqx
import jax
import jax.numpy as jnp
import numpy as np
import pytest
from random_modules import filled

from components.actors.tanh_gaussian import TanhGaussianActor
from components.constraints import SettingError
from components.critics.contrastive import ContrastiveCritic
from components.energies.similarities import Dot, NegativeL2
from components.env_dims import EnvDims
from components.networks import ResidualMLP
from components.networks.layers import Dense

DIMS = EnvDims(state=5, goal=2, action=3)
SMALL = functools.partial(ResidualMLP, 8, 8)


def critic(energy=NegativeL2()):  # noqa: B008
    """A small critic."""
    return filled(functools.partial(ContrastiveCritic, SMALL, SMALL, energy, 4, dims=DIMS))


def inputs(rows):
    """Random states, actions and goals."""
    keys = jax.random.split(jax.random.key(1), 3)
    return [jax.random.normal(k, (rows, n)) for k, n in zip(keys, (5, 3, 2), strict=True)]


@pytest.mark.parametrize("energy", [NegativeL2(), Dot()])
def test_logits_have_state_actions_in_rows_and_goals_in_columns(energy):
    f = critic(energy)
    states, actions, goals = inputs(6)
    logits, phi, psi = eqx.filter_jit(f.pairs)(states, actions, goals)
    one = eqx.filter_jit(f)
    expected = [[float(one(s, a, g)) for g in goals] for s, a in zip(states, actions, strict=True)]
    np.testing.assert_allclose(logits, expected, rtol=1e-4, atol=1e-4)
    energies = energy.pairwise(phi, psi)
    np.testing.assert_allclose(logits, energies, rtol=1e-5)


def test_the_energy_is_that_of_the_two_embeddings():
    f = critic()
    state, action, goal = (x[0] for x in inputs(1))
    x, y = f.embed_state_action(state, action), f.embed_goal(goal)
    chex.assert_shape([x, y], (4,))
    np.testing.assert_allclose(
        f(state, action, goal), -np.sqrt(np.sum((x - y) ** 2) + 1e-6), rtol=1e-6
    )


def test_a_learned_scale_multiplies_every_form_of_the_energy():
    f = filled(functools.partial(ContrastiveCritic, Dense, Dense, learned_scale=True, dims=DIMS))
    states, actions, goals = inputs(3)

    @jax.jit
    def forms(f):
        first = states[0], actions[0], goals[0]
        return f.pairs(states, actions, goals).logits, f.values(*first), f(*first)

    def at(scale):
        log_scale = jnp.asarray(np.log(scale), jnp.float32)
        return eqx.tree_at(lambda f: f.log_scale, f, log_scale)

    plain, scaled = forms(at(1.0)), forms(at(2.5))
    for ours, energy in zip(scaled, plain, strict=True):
        np.testing.assert_allclose(ours, 2.5 * energy, rtol=1e-5)
    np.testing.assert_allclose(plain[0][0, 0], plain[2], rtol=1e-5)
    np.testing.assert_array_equal(plain[1], plain[2][None])
    slope = jax.jit(jax.grad(lambda f: jnp.sum(forms(f)[0])))(at(2.5))
    # The derivative of e^z f by z is e^z f itself.
    np.testing.assert_allclose(slope.log_scale, scaled[0].sum(), rtol=1e-5)


def test_the_scale_is_a_parameter_only_where_asked_for():
    def build(learned):
        plan = functools.partial(ContrastiveCritic, SMALL, SMALL, learned_scale=learned)
        return eqx.filter_eval_shape(lambda key: plan(dims=DIMS, key=key), jax.random.key(0))

    assert build(True).log_scale.shape == ()
    without, with_scale = (len(jax.tree.leaves(build(learned))) for learned in (False, True))
    assert with_scale == without + 1


def test_encoders_differ(key):
    plan = functools.partial(ContrastiveCritic, SMALL, SMALL, learned_scale=True, dims=DIMS)
    f = jax.jit(plan)(key=key)
    assert float(jnp.exp(f.log_scale)) == 1.0
    ours, theirs = f.state_action_encoder.blocks, f.goal_encoder.blocks
    assert not np.array_equal(ours.layers[0].dense.weight, theirs.layers[0].dense.weight)


def test_embedding_size_must_be_positive(key):
    with pytest.raises(SettingError, match="embedding_size is 0"):
        ContrastiveCritic(SMALL, SMALL, embedding_size=0, dims=DIMS, key=key)


@pytest.mark.parametrize(
    ("dims", "critic_depth", "actor_depth", "millions"),
    [
        (EnvDims(29, 2, 8), 4, 4, 0.85),
        (EnvDims(29, 2, 8), 64, 64, 12.8),
        (EnvDims(268, 3, 17), 4, 4, 0.98),
        (EnvDims(268, 3, 17), 16, 16, 3.37),
        (EnvDims(268, 3, 17), 64, 64, 12.9),
        (EnvDims(268, 3, 17), 1024, 512, 169.9),
    ],
)
def test_parameters_of_the_published_agents(dims, critic_depth, actor_depth, millions):
    def build(key):
        encoder = functools.partial(ResidualMLP, depth=critic_depth)
        policy = functools.partial(ResidualMLP, depth=actor_depth)
        return (
            ContrastiveCritic(encoder, encoder, dims=dims, key=key),
            TanhGaussianActor(policy, dims=dims, key=key),
        )

    agent = eqx.filter_eval_shape(build, jax.random.key(0))
    count = sum(a.size for a in jax.tree.leaves(agent))
    np.testing.assert_allclose(count / 1e6, millions, rtol=5e-3)


def test_one_gradient_step_raises_the_true_pairs():
    f = critic()
    batch = inputs(16)

    def gap(f):
        logits = f.pairs(*batch).logits
        return jnp.mean(jnp.diagonal(logits)) - jnp.mean(logits)

    gradient = jax.jit(jax.grad(gap))(f)
    chex.assert_tree_all_finite(gradient)
    better = jax.tree.map(lambda p, g: p + 1e-3 * g, f, gradient)
    measured = jax.jit(gap)
    assert measured(better) > measured(f)
