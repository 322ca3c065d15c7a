"""MuJoCo-Warp, on a CPU: as C MuJoCo steps, batched, repeated, reset and out of space."""

from functools import partial

import jax
import jax.numpy as jnp
import mujoco
import numpy as np
import pytest

from components.environments.core.physics import Physics, PhysicsState
from components.environments.core.physics.warp import Warp
from components.environments.core.physics.warp_overflow import take_overflow

pytest.importorskip("warp", reason="needs warp-lang: pip install 'kilolayer[warp]'")

# A capsule that falls flat on a floor, which it touches with both ends, and is pulled along.
ROLLER = """
<mujoco>
  <option timestep="0.01"/>
  <worldbody><geom type="plane" size="5 5 1"/>
    <body pos="0 0 0.12"><joint name="x" type="slide" axis="1 0 0"/><joint type="slide" axis="0 0 1"
    /><joint type="hinge" axis="0 1 0"/><geom type="capsule" fromto="-.3 0 0 .3 0 0" size="0.1"/>
  </body></worldbody>
  <actuator><motor joint="x" gear="40" ctrlrange="-1 1" ctrllimited="true"/></actuator>
</mujoco>
"""
SEEDS, ENVS, STEPS, SUBSTEPS = 2, 3, 5, 4
ENDS = np.arange(STEPS) == 2


@pytest.fixture(scope="module")
def model():
    return mujoco.MjModel.from_xml_string(ROLLER)


def start(rng):
    """States of every environment of every seed, near the floor."""
    noise = rng.uniform(-0.05, 0.05, (2, SEEDS, ENVS, 3)).astype(np.float32)
    warm, ctrl = np.zeros((SEEDS, ENVS, 3), np.float32), np.zeros((SEEDS, ENVS, 1), np.float32)
    return PhysicsState(noise[0] + np.float32([0, 0, -0.02]), noise[1], warm, ctrl)


def episodes_in_c(model, states, actions):
    """The same steps in C: every environment starts anew after the third step."""
    found = np.zeros((STEPS, *states.qpos.shape))
    for at in np.ndindex(SEEDS, ENVS):
        data = mujoco.MjData(model)
        for step, action in enumerate(actions[:, *at]):
            if step == 0 or ENDS[step - 1]:
                mujoco.mj_resetData(model, data)
                data.qpos, data.qvel = states.qpos[at], states.qvel[at]
            data.ctrl = action
            mujoco.mj_step(model, data, SUBSTEPS)
            found[step, *at] = data.qpos
    return found


def test_steps_are_cs_under_jit_vmap_scan_donation_and_resets(model):
    physics = Physics(model, SUBSTEPS, engine=Warp())
    rng = np.random.default_rng(0)
    fresh, actions = start(rng), rng.uniform(-1, 1, (STEPS, SEEDS, ENVS, 1)).astype(np.float32)
    simulate = jax.vmap(jax.vmap(physics.apply_control))

    @partial(jax.jit, donate_argnums=0)
    def run(states, fresh, actions):
        def step(states, inputs):
            action, end = inputs
            stepped = simulate(states, action)
            kept = jax.tree.map(lambda new, old: jnp.where(end, new, old), fresh, stepped)
            return kept, stepped.qpos

        return jax.lax.scan(step, states, (actions, jnp.asarray(ENDS)))

    as_jax = partial(jax.tree.map, jnp.asarray)
    last, found = run(as_jax(fresh), as_jax(fresh), jnp.asarray(actions))
    assert take_overflow() is None
    np.testing.assert_allclose(found, episodes_in_c(model, fresh, actions), atol=2e-5)
    np.testing.assert_array_equal(last.ctrl, actions[-1])
    assert np.abs(np.diff(found[..., 1], axis=0)).max() > 0.01


def test_too_little_space_is_an_error_that_says_what_to_set(model):
    physics = Physics(model, 1, engine=Warp(max_contacts=1, max_constraints=30))
    qpos = jnp.asarray([[0, -0.03, 0], [0, 1, 0]], jnp.float32)
    zero = jnp.zeros_like(qpos)
    states = PhysicsState(qpos, zero, zero, jnp.zeros((2, 1), jnp.float32))
    step = jax.jit(jax.vmap(physics.apply_control))
    step(states._replace(qpos=qpos.at[:, 1].set(1)), states.ctrl)
    assert take_overflow() is None
    resting = step(states._replace(qpos=qpos.at[1].set(qpos[0])), states.ctrl)
    assert np.isnan(resting.qpos).all()
    assert take_overflow() == (
        "MuJoCo-Warp had space for 1 contacts per environment, too few for 2 of 2 environments. "
        "Set physics.Warp.max_contacts = 2."
    )
    assert take_overflow() is None
