"""Loops of a solver written out: the same numbers without a loop of unknown length."""

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from ball_task import ball_task

from components.environments.core.physics.mjx import MJX
from components.environments.core.physics.straight_line import as_straight_line

MOST = 5


def root(x):
    """Newton's iteration for the square root, of which each round has a loop of two rounds."""

    def body(carry):
        guess, count = carry
        halved, _ = jax.lax.scan(lambda g, w: (0.5 * (g + x / g) * w, None), guess, jnp.ones(2))
        return halved, count + 1

    def proceed(carry):
        guess, count = carry
        return (count < MOST) & (jnp.abs(guess * guess - x) > 1e-4 * x)

    return jax.lax.while_loop(proceed, body, (x, 0))


def steps(x):
    """Three roots after each other, as a physics step has substeps."""
    return jax.lax.scan(lambda x, _: (root(x)[0], root(x)[1]), x, None, 3)


def loops(function, *args):
    text = str(jax.make_jaxpr(function)(*args))
    return text.count("while["), text.count("scan[")


@pytest.mark.parametrize("value", [1e-3, 0.5, 2.0, 900.0])
def test_numbers_are_those_of_the_loop(value):
    x = jnp.float32(value)
    straight = jax.jit(as_straight_line(steps, MOST))
    np.testing.assert_array_equal(straight(x)[0], jax.jit(steps)(x)[0])
    np.testing.assert_array_equal(straight(x)[1], jax.jit(steps)(x)[1])


def test_side_by_side_each_stops_where_it_would_alone():
    x = jnp.asarray([1e-3, 0.5, 2.0, 900.0], jnp.float32)
    _, counts = jax.jit(jax.vmap(root))(x)
    assert len(set(np.asarray(counts).tolist())) > 1
    _, straight = jax.jit(jax.vmap(as_straight_line(root, MOST)))(x)
    np.testing.assert_array_equal(straight, counts)


def test_too_few_rounds_leave_the_solver_where_it_is_then():
    assert as_straight_line(root, 2)(jnp.float32(900.0))[1] == 2


def test_the_loop_around_it_is_left_as_it_is():
    assert loops(steps, 2.0) == (2, 3)
    # The outer scan; what it ran in is written out.
    lowered = jax.jit(as_straight_line(steps, MOST)).lower(2.0).as_text()
    assert lowered.count("stablehlo.while") == 1


def test_a_loop_of_known_length_is_written_out_within_another_alone():
    def sums(x):
        return jax.lax.scan(lambda c, _: (c + root_steps(x), None), x, None, 3)[0]

    def root_steps(x):
        return jax.lax.scan(lambda g, _: (0.5 * (g + x / g), None), x, None, 2)[0]

    def whiles(function):
        return jax.jit(as_straight_line(function, MOST)).lower(2.0).as_text().count("while")

    assert (whiles(sums), whiles(root_steps)) == (1, 1)
    np.testing.assert_allclose(as_straight_line(sums, MOST)(2.0), 2 + 3 * 17 / 12, rtol=1e-6)


def test_a_robot_in_contact_moves_as_with_the_loops_of_its_solver():
    physics = ball_task().physics.with_engine(MJX())
    straight = as_straight_line(physics.apply_control, physics.model.opt.iterations)
    height = jnp.asarray([[0.05], [0.0999], [0.2]], jnp.float32)  # in, on and above the floor
    states = jax.vmap(physics.initial_state)(height, jnp.zeros_like(height))

    @jax.jit
    @jax.vmap
    def both(state):
        control = jnp.zeros(1, jnp.float32)
        return physics.apply_control(state, control), straight(state, control)

    looped, written_out = both(states)
    jax.tree.map(np.testing.assert_array_equal, looped, written_out)
    low, middle, high = looped.qvel[:, 0]
    assert low > middle > high
    assert high == pytest.approx(-9.81 * 0.02, rel=1e-5)  # free fall
