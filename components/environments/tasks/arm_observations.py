"""Observations of the Panda's tasks, from positions, velocities and the poses of the links."""

from collections.abc import Callable

import jax.numpy as jnp
import mujoco
from jaxtyping import Array, Float

from components.environments.core.physics import Kinematics, Physics, PhysicsState
from components.environments.robots.panda import TIP_GAP

Observe = Callable[[PhysicsState], Float[Array, " n"]]
FORCE_SCALE = 0.1


def observe_arm(physics: Physics) -> Observe:
    """Return a function that observes 7 joint angles, place and velocity of link 7 (13)."""
    part = _arm(physics)
    return lambda state: part(state, physics.compute_kinematics(state))


def observe_push(physics: Physics) -> Observe:
    """Return a function that observes the cube's place, `observe_arm` and the fingers' gap (17)."""
    arm = observe_arm(physics)

    def observe(state: PhysicsState) -> Float[Array, "17"]:
        return jnp.concatenate([state.qpos[9:12], arm(state), _gap(state.qpos[7:9])])

    return observe


def observe_grasp(physics: Physics) -> Observe:
    """Return a function that observes the cube's place, `observe_arm`, fingertips and gap (23)."""
    arm, model = _arm(physics), physics.model

    def observe(state: PhysicsState) -> Float[Array, "23"]:
        at = physics.compute_kinematics(state)
        left, right = (at.site_xpos[_site(model, side)] for side in ("left_tip", "right_tip"))
        gap = _gap(state.qpos[7:9])
        return jnp.concatenate([state.qpos[9:12], arm(state, at), left, right, gap])

    return observe


def observe_hand(physics: Physics) -> Observe:
    """Return a function that observes the cube's place, the hand, gap and grip (11).

    The hand has place and velocity; the grip is the mean force of the finger servos / 10 N.
    """

    def observe(state: PhysicsState) -> Float[Array, "11"]:
        force = physics.compute_kinematics(state).actuator_force[3:5]
        grip = jnp.float32(FORCE_SCALE) * jnp.mean(force, keepdims=True)
        gap = _gap(state.qpos[3:5])
        return jnp.concatenate([state.qpos[5:8], state.qpos[:3], state.qvel[:3], gap, grip])

    return observe


def _gap(fingers: Float[Array, "2"]) -> Float[Array, "1"]:
    """Return the distance between the fingertips (metres)."""
    return jnp.sum(fingers, keepdims=True) + jnp.float32(TIP_GAP)


def _arm(physics: Physics) -> Callable[[PhysicsState, Kinematics], Float[Array, "13"]]:
    """Return a function of 7 joint angles, place and linear velocity of the origin of link 7."""
    link = physics.model.body("link7").id
    root = int(physics.model.body_rootid[link])

    def arm(state: PhysicsState, at: Kinematics) -> Float[Array, "13"]:
        # MuJoCo gives velocities at the centre of mass of the whole tree.
        spin, drift = at.cvel[link, :3], at.cvel[link, 3:]
        velocity = drift + jnp.cross(spin, at.xpos[link] - at.subtree_com[root])
        return jnp.concatenate([state.qpos[:7], at.xpos[link], velocity])

    return arm


def _site(model: mujoco.MjModel, name: str) -> int:
    return int(model.site(name).id)
