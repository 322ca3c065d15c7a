"""Environments to share: compiling MJX is what these tests cost."""

import jax
import jax.numpy as jnp
import mujoco
import pytest
from compiled import task

from components.environments.core.goal_environment import GoalEnvironment
from components.environments.core.physics import Physics
from components.environments.core.task import EpisodeStart, Task
from components.environments.tasks.ant import ant, ant_maze
from components.environments.tasks.point import point_maze

BEAD = """
<mujoco>
  <option timestep="0.1"/> <worldbody><body><joint name="x" type="slide" axis="1 0 0"/><geom
  size="0.1" mass="1"/></body></worldbody> <actuator><motor joint="x" gear="10" ctrlrange="-1 1"
  ctrllimited="true"/></actuator>
</mujoco>
"""


def bead_task() -> Task:
    """A bead on a wire: x, vx. Starts at 0 at rest, is to reach 1 within 0.5, fails beyond 2."""
    model = mujoco.MjModel.from_xml_string(BEAD)
    zero = jnp.zeros(1, jnp.float32)
    return Task(
        physics=Physics(model, 1),
        scene=model,
        sample_start=lambda key: EpisodeStart(
            zero, zero, 1 + 0 * jax.random.normal(key, (1,), jnp.float32)
        ),
        observe=lambda state: jnp.concatenate([state.qpos, state.qvel]),
        goal_indices=(0,),
        success_radius=0.5,
        healthy=lambda state: jnp.abs(state.qpos[0]) <= 2,
        episode_length=6,
    )


@pytest.fixture(autouse=True, scope="module")
def _quickly_compiled(quickly_compiled):
    """MJX takes far longer to compile than a few hundred steps of it take to run."""


@pytest.fixture(scope="session")
def bead() -> GoalEnvironment:
    return GoalEnvironment(bead_task())


@pytest.fixture(scope="session")
def bead_step(bead):
    return jax.jit(bead.step)


@pytest.fixture(scope="session")
def point() -> GoalEnvironment:
    return task(point_maze).env


@pytest.fixture(scope="session")
def free_ant() -> GoalEnvironment:
    return task(ant).env


@pytest.fixture(scope="session")
def maze_ant() -> GoalEnvironment:
    return task(ant_maze).env
