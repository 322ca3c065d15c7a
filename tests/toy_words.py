"""A word for runs in processes of their own: a task that compiles in a moment."""

from types import SimpleNamespace

import jax
import jax.numpy as jnp
import mujoco
from jaxtyping import Array, Key

from components.environments.core.goal_environment import GoalEnvironment
from components.environments.core.physics import Physics, PhysicsState
from components.environments.core.physics.mjx import MJX
from components.environments.core.task import EpisodeStart, Task
from components.networks.layers import Dense
from dsl import family


class _Drift(Physics):
    """A point on a line, moved by half of what it is told; no MuJoCo."""

    control_step = 0.1

    def __init__(self):
        self.model, self.engine = SimpleNamespace(nu=1), MJX()

    def initial_state(self, qpos, qvel):
        return PhysicsState(qpos, qvel, jnp.zeros(1), jnp.zeros(1))

    def apply_control(self, physics_state, ctrl):
        return physics_state._replace(
            qpos=jnp.clip(physics_state.qpos + 0.5 * ctrl, -2.0, 2.0), ctrl=ctrl
        )


def _start(key):
    goal = jnp.where(jax.random.bernoulli(key), 1.0, -1.0)[None]
    return EpisodeStart(jnp.zeros(1), jnp.zeros(1), goal)


def toy(episode_length: int = 8) -> GoalEnvironment:
    """A point on a line that is to stand at 1 or at -1."""
    return GoalEnvironment(
        Task(
            physics=_Drift(),
            scene=mujoco.MjModel.from_xml_string("<mujoco/>"),
            sample_start=_start,
            observe=lambda state: state.qpos,
            goal_indices=(0,),
            success_radius=0.3,
            episode_length=episode_length,
        )
    )


def dense_network(*, in_size: int, out_size: int, key: Key[Array, ""]) -> Dense:
    """One dense layer: a loop with it is traced in a fraction of the time of residual blocks."""
    return Dense(in_size, out_size, key=key)


family("env", Toy=toy)
family("network", Dense=dense_network)
