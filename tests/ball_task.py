"""A ball that falls on a floor: the smallest task whose solver has a loop."""

import jax
import jax.numpy as jnp
import mujoco

from components.environments.core.physics import Physics
from components.environments.core.task import EpisodeStart, Task

BALL = """
<mujoco>
  <option timestep="0.01" iterations="2" ls_iterations="2"/>
  <default><geom condim="1"/></default>
  <worldbody>
    <geom type="plane" size="5 5 1"/>
    <body>
      <joint name="z" type="slide" axis="0 0 1"/>
      <geom size="0.1" mass="1"/>
    </body>
  </worldbody>
  <actuator><motor joint="z" gear="10"/></actuator>
</mujoco>
"""
SUBSTEPS = 2


def ball_task() -> Task:
    """Start above the floor or in it, and fly to 1 m."""
    model = mujoco.MjModel.from_xml_string(BALL)

    def sample_start(key):
        height = jax.random.uniform(key, (1,), jnp.float32, 0.09, 0.12)
        return EpisodeStart(height, jnp.zeros(1, jnp.float32), jnp.ones(1, jnp.float32))

    return Task(
        physics=Physics(model, SUBSTEPS),
        scene=model,
        sample_start=sample_start,
        observe=lambda state: jnp.concatenate([state.qpos, state.qvel]),
        goal_indices=(0,),
        success_radius=0.5,
        episode_length=5,
    )
