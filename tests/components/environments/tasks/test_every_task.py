"""What must hold of every word of the family env, whoever adds one.

Jumanji's own checks, and the ends of two episodes under random actions: finite, ended by a
termination or by the time limit.
"""

import copy
import importlib.util
import re
from pathlib import Path

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from compiled import task
from jumanji.testing.env_not_smoke import (
    check_env_does_not_smoke,
    check_env_specs_does_not_smoke,
)
from jumanji.wrappers import Wrapper

from components.environments.core.auto_reset import step_or_reset
from components.environments.core.physics import refuse_physics
from components.environments.core.task import replace_physics
from dsl.language.registry import default_vocabulary

WORDS = default_vocabulary().members("env")
STEPS = 10


@pytest.fixture(scope="module", params=WORDS)
def word(request):
    return request.param


@pytest.fixture(scope="module")
def compiled(word):
    """In the engine that is chosen here."""
    return task(default_vocabulary().words[word].target, None)


@pytest.fixture(scope="module")
def env(compiled):
    return compiled.env


@pytest.fixture(scope="module")
def reset(compiled):
    """A reset a few steps before the time limit."""

    def late(key):
        state, timestep = compiled.reset(key)
        return compiled.near_the_end(state, STEPS), timestep

    return late


class Like(Wrapper):
    """The same environment with another way to reset and step it."""

    def __init__(self, env, reset, step):
        super().__init__(env)
        self.reset, self.step = reset, step


def test_jumanjis_checks(env, reset, compiled):
    # They compile `env.step` themselves, and find it compiled once it has been called.
    compiled.step(reset(jax.random.PRNGKey(0))[0], jnp.zeros(env.dims.action, jnp.float32))
    check_env_does_not_smoke(Like(env, reset, env.step))
    check_env_specs_does_not_smoke(env)


def test_two_episodes_of_random_actions_are_finite(env, reset, compiled):
    rng = np.random.default_rng(0)
    for seed in (0, 1):
        state, timestep = reset(jax.random.PRNGKey(seed))
        assert timestep.first()
        for t in range(1, STEPS + 1):  # noqa: B007 - read after the loop
            action = jnp.asarray(rng.uniform(-1, 1, env.dims.action), jnp.float32)
            state, timestep = compiled.step(state, action)
            assert all(
                np.isfinite(x).all() for x in jax.tree.leaves((state.physics_state, timestep))
            )
            assert not timestep.extras["nonfinite"]
            if timestep.last():
                break
        assert timestep.last()
        assert bool(timestep.discount == 1) is (t == STEPS) or timestep.discount == 0


def test_shapes_and_types_after_the_end_are_those_of_a_step(env, compiled):
    """What a vectorised loop needs; traced, not run, and what has been traced not again."""
    traced = Like(env, compiled.reset, compiled.step)

    def go_on(key, action):
        state, timestep = traced.reset(key)
        return (state, timestep), step_or_reset(traced, state, timestep, action, key)

    before, after = jax.eval_shape(
        go_on, jax.random.key(0), jax.ShapeDtypeStruct((env.dims.action,), jnp.float32)
    )
    assert jax.tree.map(lambda x: (x.shape, x.dtype), before) == jax.tree.map(
        lambda x: (x.shape, x.dtype), after
    )


def test_success_is_strictly_inside_the_radius(env):
    """Along the line from a goal outwards, wherever the task has no rule of its own."""
    if env.task.success is not None or env.task.distance is not None:
        pytest.skip("has a rule of its own, tested with the task")
    goal = jax.random.normal(jax.random.key(0), (env.dims.goal,))
    direction = jnp.ones(env.dims.goal) / np.sqrt(env.dims.goal).item()
    for share, inside in ((0.0, True), (0.99, True), (1.01, False)):
        achieved = goal + share * env.task.success_radius * direction
        assert bool(env.success(achieved, goal)) is inside


def test_the_physics_can_be_replaced(env):
    """Every function that needs the physics takes it from a partial."""
    physics = env.task.physics
    twin = copy.copy(physics)
    vars(twin)["_simulations"] = physics._simulations  # in which MJX has been traced already
    task = replace_physics(env.task, twin)
    start = jax.eval_shape(task.sample_start, jax.random.key(0))
    with refuse_physics(physics):
        state = jax.eval_shape(task.physics.initial_state, start.qpos, start.qvel)
        jax.eval_shape(task.observe, state)


@pytest.fixture(scope="module")
def tables():
    path = Path(__file__).resolve().parents[4] / "docs" / "task_table.py"
    spec = importlib.util.spec_from_file_location("task_table", path)
    tables = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(tables)
    return tables


def test_the_table_of_tasks_is_up_to_date(word, env, tables):
    """Shares are measured again for the tasks that compile quickly."""
    page = tables.PAGE.read_text()
    share = float(re.search(rf"`@{word}\(\)`.* ([0-9.]+)% ", page)[1]) / 100
    if word in {"env.PointMaze", "env.Reacher"}:
        share = tables.share_at_start(env)
    assert tables.row(word, env, share) in page, "run python docs/task_table.py"
