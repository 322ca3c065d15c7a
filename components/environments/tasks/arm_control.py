"""Maps from actions to the Panda's servos: four joints or the flying hand, and the gripper."""

import jax.numpy as jnp
import numpy as np
from jaxtyping import Array, Float

from components.environments.core.physics import PhysicsState
from components.environments.core.task import Control
from components.environments.robot_models.panda import CLOSED, OPEN
from components.environments.robot_models.panda_scenes import HAND_SPACE

# Turned so that the arm works towards +y; the fingers open square to it.
REST = np.array([np.pi / 2, 0.741765, 0, -1.5708, 0, 3.05435, np.pi / 4], np.float32)
# Joints 1, 2, 4 and 6, and how far an action moves each to either side of `REST`.
CONTROLLED = np.array([0, 1, 3, 5])
SWEEP = np.array([1.2217, 0.942, 1.501, 0.69815], np.float32)
HAND_STEP = 0.2


def arm_targets(_state: PhysicsState, action: Float[Array, "4"]) -> Float[Array, "7"]:
    """Return target joint angles (rad): `REST` plus the action for joints 1, 2, 4 and 6."""
    return jnp.asarray(REST).at[CONTROLLED].add(jnp.asarray(SWEEP) * action)


def arm_and_gripper(state: PhysicsState, action: Float[Array, "5"]) -> Float[Array, "9"]:
    """Return `arm_targets` and two finger targets, closed if the last action is above 0."""
    return jnp.concatenate([arm_targets(state, action[:4]), _fingers(action[4])])


def hand_and_gripper(state: PhysicsState, action: Float[Array, "4"]) -> Float[Array, "5"]:
    """Return the hand's position moved by up to 0.2 m along each axis, and two finger targets."""
    low, high = jnp.asarray(HAND_SPACE, jnp.float32).T
    target = jnp.clip(state.qpos[:3] + jnp.float32(HAND_STEP) * action[:3], low, high)
    return jnp.concatenate([target, _fingers(action[3])])


def _fingers(action: Float[Array, ""]) -> Float[Array, "2"]:
    target = jnp.where(action > 0, jnp.float32(CLOSED), jnp.float32(OPEN))
    return jnp.stack([target, target])


ARM = Control(4, arm_targets)
ARM_AND_GRIPPER = Control(5, arm_and_gripper)
HAND_AND_GRIPPER = Control(4, hand_and_gripper)
REST_OPEN = np.array([*REST, OPEN, OPEN], np.float32)
