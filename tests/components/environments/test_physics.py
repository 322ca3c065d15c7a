"""Poses, inertias, velocities and forces as C MuJoCo has them."""

import jax
import jax.numpy as jnp
import mujoco
import numpy as np

from components.environments.physics import Body


def test_mechanics_are_c_mujocos(free_ant):
    physics = free_ant.task.physics
    rng = np.random.default_rng(0)
    data = mujoco.MjData(physics.model)
    data.qpos = rng.normal(size=15)
    data.qpos[3:7] /= np.linalg.norm(data.qpos[3:7])
    data.qvel, data.ctrl = rng.normal(size=14), rng.uniform(-1, 1, 8)
    mujoco.mj_forward(physics.model, data)
    body = Body(
        *(jnp.asarray(x, jnp.float32) for x in (data.qpos, data.qvel, 0 * data.qvel, data.ctrl))
    )
    found = jax.jit(physics.mechanics)(body)
    for name, value in found._asdict().items():
        expected = getattr(data, name).reshape(value.shape)
        np.testing.assert_allclose(value, expected, rtol=1e-4, atol=1e-5, err_msg=name)
