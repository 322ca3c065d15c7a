"""MuJoCo in C behind JAX: what MuJoCo computes, whatever batch and whichever threads compute it."""

import copy
import pickle
from functools import partial

import jax
import jax.numpy as jnp
import mujoco
import numpy as np
import pytest
from jax.sharding import Mesh, PartitionSpec

from components.constraints import SettingError
from components.environments.core.auto_reset import step_or_reset
from components.environments.core.physics import Physics, PhysicsState, batches
from components.environments.core.physics.c import C
from components.environments.core.physics.mjx import MJX
from components.environments.tasks.ant import ant, ant_maze
from components.environments.tasks.arm import arm_binpick_eef
from components.environments.tasks.humanoid import humanoid
from components.environments.tasks.point import point_maze
from components.environments.tasks.reacher import reacher
from components.target_devices import target_platform

FREE_ANT = ant(physics=C())
COUNT = 6


def states(env, count=COUNT, seed=0):
    """States after a reset, under random controls within the actuators' range."""
    keys = jax.random.split(jax.random.key(seed), count)
    state, _ = jax.jit(jax.vmap(env.reset))(keys)
    low, high = env.task.physics.model.actuator_ctrlrange.T
    rng = np.random.default_rng(seed)
    ctrl = rng.uniform(low, high, (count, len(low))).astype(np.float32)
    return jax.tree.map(np.array, state.physics_state._replace(ctrl=ctrl))


def step(physics, state):
    return jax.tree.map(np.asarray, jax.vmap(physics.apply_control)(state, state.ctrl))


def step_alone(model, substeps, state):
    """Return the next state by MuJoCo, its solver converged, in float32."""
    model = copy.copy(model)
    model.opt.iterations, model.opt.ls_iterations = 100, 50
    data = mujoco.MjData(model)
    data.qpos, data.qvel, data.qacc_warmstart, data.ctrl = state
    for _ in range(substeps):
        mujoco.mj_step(model, data)
    return [np.float32(x) for x in (data.qpos, data.qvel, data.qacc_warmstart)]


@pytest.mark.parametrize("make", [ant, ant_maze, humanoid, arm_binpick_eef])
def test_a_step_is_mujocos(make):
    env = make(physics=C())
    before = states(env)
    after = step(env.task.physics, before)
    for i in range(COUNT):
        one = PhysicsState(*(x[i] for x in before))
        expected = step_alone(env.task.physics.whole, env.task.physics.substeps, one)
        for found, right in zip(after, expected, strict=False):
            np.testing.assert_array_equal(found[i], right)
    np.testing.assert_array_equal(after.ctrl, before.ctrl)
    assert {x.dtype for x in after} == {np.dtype(np.float32)}


def test_every_wall_is_there():
    """An ant that is put half a metre from a wall, far from the walls nearest at the start."""
    env = ant_maze("big_maze", physics=C())
    whole = env.task.physics.whole
    assert whole.ngeom > env.task.physics.model.ngeom
    at_wall = states(env)
    at_wall.qpos[:, :2] = [4.0, 2.3]
    moved = step(env.task.physics, at_wall).qvel
    free = step(FREE_ANT.task.physics, at_wall).qvel
    assert np.abs(moved - free).max(axis=1).min() > 0.1


@pytest.mark.parametrize("threads", [1, 3])
def test_neither_batch_nor_threads_change_a_bit(monkeypatch, threads):
    before = states(FREE_ANT)
    expected = step(FREE_ANT.task.physics, before)
    monkeypatch.setattr(batches, "available_cores", lambda: set(range(threads)))
    physics = FREE_ANT.task.physics.with_engine(C())
    alone = jax.jit(physics.apply_control)(*jax.tree.map(lambda x: x[2], (before, before.ctrl)))
    several = step(physics, before)
    fewer = step(physics, jax.tree.map(lambda x: x[:2], before))
    grid = jax.tree.map(lambda x: x.reshape(2, 3, -1), before)
    nested = jax.vmap(jax.vmap(physics.apply_control))(grid, grid.ctrl)
    for name, right in expected._asdict().items():
        np.testing.assert_array_equal(getattr(alone, name), right[2])
        np.testing.assert_array_equal(getattr(several, name), right)
        np.testing.assert_array_equal(getattr(fewer, name), right[:2])
        np.testing.assert_array_equal(getattr(nested, name), right.reshape(2, 3, -1))


def test_one_call_steps_the_whole_batch():
    calls = []
    physics = FREE_ANT.task.physics.with_engine(C())
    simulation = physics._simulation()
    call = simulation._stepped.call
    simulation._stepped.call = lambda advance, state: calls.append(state) or call(advance, state)
    step(physics, states(FREE_ANT))
    assert [x["qpos"].shape for x in calls] == [(COUNT, 15)]


@pytest.mark.parametrize(
    "broken", [{"ctrl": np.nan}, {"qvel": np.inf}, {"qvel": 1e11}, {"qvel": 1e9}, {"qpos": np.nan}]
)
def test_a_simulation_that_breaks_is_named_and_the_others_go_on(broken, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    ((name, value),) = broken.items()
    before = states(FREE_ANT)
    expected = step(FREE_ANT.task.physics, before)
    getattr(before, name)[3] = value
    after = step(FREE_ANT.task.physics, before)
    for field in ("qpos", "qvel", "warmstart"):
        found, right = getattr(after, field), getattr(expected, field)
        assert np.isnan(found[3]).all()
        np.testing.assert_array_equal(np.delete(found, 3, 0), np.delete(right, 3, 0))
    # MuJoCo's own report of it.
    assert list(tmp_path.iterdir()) == []
    assert mujoco.get_mju_user_warning() is None


def test_broken_physics_ends_the_episode():
    state, _ = FREE_ANT.reset(jax.random.key(0))
    fast = state.physics_state._replace(qvel=jnp.full(14, 1e9))
    after, timestep = jax.jit(FREE_ANT.step)(state._replace(physics_state=fast), jnp.zeros(8))
    assert timestep.last()
    assert timestep.extras["nonfinite"]
    np.testing.assert_array_equal(after.physics_state.qvel, fast.qvel)


@pytest.mark.parametrize("make", [humanoid, arm_binpick_eef])
def test_kinematics_are_those_of_the_state(make):
    env = make(physics=C())
    before = states(env, 2)
    before.qvel[:] = np.random.default_rng(0).normal(size=before.qvel.shape)
    physics = env.task.physics
    found = jax.vmap(physics.compute_kinematics)(before)
    data = mujoco.MjData(physics.model)
    for i in range(2):
        data.qpos, data.qvel, data.ctrl = before.qpos[i], before.qvel[i], before.ctrl[i]
        mujoco.mj_forward(physics.model, data)
        for name, value in found._asdict().items():
            expected = getattr(data, name).reshape(value[i].shape)
            np.testing.assert_allclose(value[i], expected, rtol=1e-6, atol=1e-6, err_msg=name)


def test_what_is_saved_between_two_steps_is_all_there_is():
    """Another physics, from a pickle, goes on from the float32 state as the first one does."""
    before = states(FREE_ANT)
    once = step(FREE_ANT.task.physics, before)
    other = pickle.loads(pickle.dumps(FREE_ANT.task.physics))
    for name, right in step(FREE_ANT.task.physics, once)._asdict().items():
        np.testing.assert_array_equal(getattr(step(other, once), name), right)


def test_scanned_with_resets_over_several_devices():
    """As the loop has it: `shard_map`, `scan` and `vmap` around steps and resets."""
    mesh, split = Mesh(jax.devices()[:1], ("d",)), PartitionSpec("d")

    def unroll(carry):
        advance = jax.vmap(partial(step_or_reset, FREE_ANT))
        action = jnp.full((4, 8), 0.5)
        return jax.lax.scan(lambda c, _: (advance(*c, action, c[0].key), None), carry, length=3)[0]

    start = jax.vmap(FREE_ANT.reset)(jax.random.split(jax.random.key(0), 4))
    mapped = jax.shard_map(unroll, mesh=mesh, in_specs=split, out_specs=split, check_vma=False)
    found, expected = (jax.tree.leaves(jax.jit(each)(start)) for each in (mapped, unroll))
    assert all((a == b).all() for a, b in zip(found, expected, strict=True))


def test_a_cpu_is_told_from_others(monkeypatch):
    module = "components.environments.core.physics.physics.target_platform"
    assert isinstance(ant().task.physics.chosen_engine(), C)
    assert isinstance(point_maze().task.physics.chosen_engine(), MJX)
    assert isinstance(reacher().task.physics.chosen_engine(), MJX)
    assert target_platform() == "cpu"
    monkeypatch.setattr(module, lambda: "gpu")
    assert isinstance(FREE_ANT.task.physics.with_engine(MJX()).chosen_engine(), MJX)
    with pytest.raises(SettingError, match=r"physics is physics\.C, which runs on a CPU"):
        ant(physics=C())


def test_a_model_that_mjx_changes_needs_a_whole_one_for_c():
    model = FREE_ANT.task.physics.model
    assert isinstance(Physics(model, 5).chosen_engine(), C)
    assert isinstance(Physics(model, 5, lambda model, _: model).chosen_engine(), MJX)
    with pytest.raises(SettingError, match="no model with all walls"):
        Physics(model, 5, lambda model, _: model, engine=C())
