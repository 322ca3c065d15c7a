"""Where the Panda's gripper can go, found by damped least squares on C MuJoCo's kinematics."""

from functools import cache

import mujoco
import numpy as np

from components.environments.tasks.arm_control import CONTROLLED, REST, SWEEP

LOW, HIGH = REST[CONTROLLED] - SWEEP, REST[CONTROLLED] + SWEEP
# Metres that are given up for the hand to point down by one more radian.
TILT = 0.004


@cache
def _data(model: mujoco.MjModel) -> mujoco.MjData:
    return mujoco.MjData(model)


def pose(model: mujoco.MjModel, angles: np.ndarray) -> mujoco.MjData:
    """Joints 1, 2, 4 and 6 at `angles`, the others at rest, any cube far away; good until the next.

    A model has one `MjData`: to allocate it costs more than all the rest.
    """
    data = _data(model)
    data.qpos[:7] = REST
    data.qpos[CONTROLLED] = angles
    if model.nq > 7:
        data.qpos[7:9], data.qpos[9:12] = 0.05, (0, -2, 0.03)
    mujoco.mj_kinematics(model, data)
    return data


def between_tips(data: mujoco.MjData) -> np.ndarray:
    """The middle of the two fingertips."""
    return data.site_xpos.mean(axis=0)


def solve(model: mujoco.MjModel, target: np.ndarray) -> np.ndarray:
    """Angles within the range of actions that bring the fingertips to `target`, hand down."""

    def residual(angles: np.ndarray) -> np.ndarray:
        tilt = angles[1] - angles[2] - angles[3]
        return np.append(between_tips(pose(model, angles)) - target, TILT * tilt)

    straight = np.array([np.arctan2(target[1], target[0]), 0.742, -1.571, 2.6])
    flat = np.array([straight[0], 1.2, -0.8, 2.6])
    far = np.array([straight[0], 1.3, -0.3, 2.4])
    ends = [_descend(residual, start) for start in (straight, flat, far)]
    return min(ends, key=lambda angles: float(np.linalg.norm(residual(angles))))


def action(angles: np.ndarray) -> np.ndarray:
    """What commands joints 1, 2, 4 and 6 to these angles."""
    return (angles - REST[CONTROLLED]) / SWEEP


def _descend(residual, angles: np.ndarray) -> np.ndarray:
    for _ in range(25):
        error = residual(angles)
        slope = np.stack([(residual(angles + 1e-4 * e) - error) / 1e-4 for e in np.eye(4)], axis=1)
        step = np.linalg.solve(slope.T @ slope + 1e-4 * np.eye(4), slope.T @ error)
        angles = np.clip(angles - step, LOW, HIGH)
    return angles
