"""Observations of the Panda's tasks, from positions, velocities and the poses of the links."""

import jax.numpy as jnp
import mujoco
from jaxtyping import Array, Float

from components.environments.core.physics import Kinematics, Physics, PhysicsState
from components.environments.robot_models.panda import TIP_GAP

FORCE_SCALE = 0.1


def observe_arm(physics: Physics, state: PhysicsState) -> Float[Array, "13"]:
    """Return 7 joint angles, place and velocity of link 7."""
    return _arm(physics, state, physics.compute_kinematics(state))


def observe_push(physics: Physics, state: PhysicsState) -> Float[Array, "17"]:
    """Return the place of the cube, then `observe_arm`, then the gap between the fingertips."""
    return jnp.concatenate([state.qpos[9:12], observe_arm(physics, state), _gap(state.qpos[7:9])])


def observe_grasp(physics: Physics, state: PhysicsState) -> Float[Array, "23"]:
    """Return the place of the cube, `observe_arm`, left and right fingertip, the gap between."""
    at = physics.compute_kinematics(state)
    left, right = (at.site_xpos[_site(physics.model, f"{side}_tip")] for side in ("left", "right"))
    gap = _gap(state.qpos[7:9])
    return jnp.concatenate([state.qpos[9:12], _arm(physics, state, at), left, right, gap])


def observe_hand(physics: Physics, state: PhysicsState) -> Float[Array, "11"]:
    """Return the cube's place, the hand's place and velocity, the fingertips' gap, and the grip.

    The grip is the mean force of the fingers' servos / 10 N.
    """
    force = physics.compute_kinematics(state).actuator_force[3:5]
    grip = jnp.float32(FORCE_SCALE) * jnp.mean(force, keepdims=True)
    gap = _gap(state.qpos[3:5])
    return jnp.concatenate([state.qpos[5:8], state.qpos[:3], state.qvel[:3], gap, grip])


def _gap(fingers: Float[Array, "2"]) -> Float[Array, "1"]:
    """Return the distance between the fingertips (metres)."""
    return jnp.sum(fingers, keepdims=True) + jnp.float32(TIP_GAP)


def _arm(physics: Physics, state: PhysicsState, at: Kinematics) -> Float[Array, "13"]:
    """Return 7 joint angles, place and linear velocity of the origin of link 7."""
    link = physics.model.body("link7").id
    root = int(physics.model.body_rootid[link])
    # MuJoCo gives velocities at the centre of mass of the whole tree.
    spin, drift = at.cvel[link, :3], at.cvel[link, 3:]
    velocity = drift + jnp.cross(spin, at.xpos[link] - at.subtree_com[root])
    return jnp.concatenate([state.qpos[:7], at.xpos[link], velocity])


def _site(model: mujoco.MjModel, name: str) -> int:
    return int(model.site(name).id)
