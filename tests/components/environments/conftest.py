"""Environments to share: compiling MJX is what these tests cost.

`jitted_*` hold `jax.jit(env.step)`. Jumanji's own checks call `jax.jit(env.step)` again and meet
the same cache, as long as these were first, and states hold keys of the same kind (`old_key`).
"""

import jax
import jax.numpy as jnp
import mujoco
import pytest

from components.environments.goal_environment import GoalEnvironment
from components.environments.physics import Physics
from components.environments.task import Start, Task
from components.environments.tasks.ant import ant, ant_maze
from components.environments.tasks.point import point_maze

BEAD = """
<mujoco>
  <option timestep="0.1"/> <worldbody><body><joint name="x" type="slide" axis="1 0 0"/><geom
  size="0.1" mass="1"/></body></worldbody> <actuator><motor joint="x" gear="10" ctrlrange="-1 1"
  ctrllimited="true"/></actuator>
</mujoco>
"""


@pytest.fixture
def old_key():
    """A key of the kind that Jumanji's checks use."""
    return jax.random.PRNGKey(0)


def compiled(env: GoalEnvironment):
    """`jax.jit(env.step)`, called once."""
    step = jax.jit(env.step)
    state, _ = jax.jit(env.reset)(jax.random.PRNGKey(0))
    step(state, jnp.zeros(env.sizes.action, jnp.float32))
    return step


def bead_task() -> Task:
    """A bead on a wire: x, vx. Starts at 0 at rest, is to reach 1 within 0.5, fails beyond 2."""
    model = mujoco.MjModel.from_xml_string(BEAD)
    zero = jnp.zeros(1, jnp.float32)
    return Task(
        physics=Physics(model, 1),
        scene=model,
        draw_start=lambda key: Start(zero, zero, 1 + 0 * jax.random.normal(key, (1,), jnp.float32)),
        observe=lambda body: jnp.concatenate([body.qpos, body.qvel]),
        goal_indices=(0,),
        success_radius=0.5,
        healthy=lambda body: jnp.abs(body.qpos[0]) <= 2,
        episode_length=6,
    )


@pytest.fixture(scope="session")
def bead() -> GoalEnvironment:
    return GoalEnvironment(bead_task())


@pytest.fixture(scope="session")
def bead_step(bead):
    return jax.jit(bead.step)


@pytest.fixture(scope="session")
def point() -> GoalEnvironment:
    return point_maze("u_maze", episode_length=100)


@pytest.fixture(scope="session")
def jitted_point(point):
    return compiled(point)


@pytest.fixture(scope="session")
def free_ant() -> GoalEnvironment:
    return ant(episode_length=20)


@pytest.fixture(scope="session")
def jitted_ant(free_ant):
    return compiled(free_ant)


@pytest.fixture(scope="session")
def maze_ant() -> GoalEnvironment:
    return ant_maze("u_maze", episode_length=20)


@pytest.fixture(scope="session")
def jitted_maze_ant(maze_ant):
    return compiled(maze_ant)
