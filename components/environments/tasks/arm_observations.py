"""What the Panda's tasks observe, from positions, velocities and where the links are."""

from collections.abc import Callable

import jax.numpy as jnp
import mujoco
from jaxtyping import Array, Float

from components.environments.core.physics import Kinematics, Physics, PhysicsState
from components.environments.robots.panda import TIP_GAP

Observe = Callable[[PhysicsState], Float[Array, " n"]]
FORCE_SCALE = 0.1


def observe_arm(physics: Physics) -> Observe:
    """7 joint angles, place and velocity of link 7 (13)."""

    part = _arm(physics)
    return lambda state: part(state, physics.compute_kinematics(state))


def observe_push(physics: Physics) -> Observe:
    """Place of the cube, then `observe_arm`, then the gap between the fingertips (17)."""
    arm = observe_arm(physics)

    def observe(state: PhysicsState) -> Float[Array, "17"]:
        return jnp.concatenate([state.qpos[9:12], arm(state), _gap(state.qpos[7:9])])

    return observe


def observe_grasp(physics: Physics) -> Observe:
    """Place of the cube, `observe_arm`, left and right fingertip, the gap between them (23)."""
    arm, model = _arm(physics), physics.model

    def observe(state: PhysicsState) -> Float[Array, "23"]:
        at = physics.compute_kinematics(state)
        left, right = (at.site_xpos[_site(model, side)] for side in ("left_tip", "right_tip"))
        gap = _gap(state.qpos[7:9])
        return jnp.concatenate([state.qpos[9:12], arm(state, at), left, right, gap])

    return observe


def observe_hand(physics: Physics) -> Observe:
    """Cube, place and velocity of the hand, gap, mean force of the fingers' servos / 10 N (11)."""

    def observe(state: PhysicsState) -> Float[Array, "11"]:
        force = physics.compute_kinematics(state).actuator_force[3:5]
        grip = jnp.float32(FORCE_SCALE) * jnp.mean(force, keepdims=True)
        gap = _gap(state.qpos[3:5])
        return jnp.concatenate([state.qpos[5:8], state.qpos[:3], state.qvel[:3], gap, grip])

    return observe


def _gap(fingers: Float[Array, "2"]) -> Float[Array, "1"]:
    """Metres between the fingertips."""
    return jnp.sum(fingers, keepdims=True) + jnp.float32(TIP_GAP)


def _arm(physics: Physics) -> Callable[[PhysicsState, Kinematics], Float[Array, "13"]]:
    """7 joint angles, place and linear velocity of the origin of link 7."""
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
