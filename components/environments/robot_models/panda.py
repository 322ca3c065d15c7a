"""The Franka Emika Panda, an arm of seven joints with a two-finger gripper, built for MJX.

Facts, not files: frames, masses and inertias of the links, joint ranges and torque limits are the
manufacturer's, as published in franka_description and in MuJoCo Menagerie's `franka_emika_panda`
(both Apache-2.0). No mesh: `panda_looks` draws it from capsules and boxes.

Differences and their reasons:

- A servo is a spring to its target, clipped at the joint's torque limit, and a damper outside the
  clip (in the joint, where Euler integration takes it implicitly). Stiffness and damping are those
  of Menagerie's model for MJX, except for the wrist's damping; a joint thus moves at most 2.2 rad/s
  (87 N m / 40 N m s; wrist 2.4 rad/s), the speed limit of the real one, and a target that can be
  reached is reached, since what pulls to the target and what holds the joint are one spring.
- The weight of the arm is compensated, as by the real controller, so the arm stays in any pose.
- No joint-limit constraints on the arm: targets lie within the limits.
- Only the wrist, the hand and the fingers touch anything, as spheres (a sphere against a box is
  what costs MJX least): one at the wrist, three along the hand, two along each finger.
"""

import mujoco
import numpy as np

TIP_GAP = 0.01
OPEN, CLOSED = 0.05, 0.0
BALL_RADIUS = 0.008
PALM_RADIUS = 0.04
WRIST_RADIUS = 0.055
HAND_OFFSET = 0.107

# Per link: position and quaternion in its parent; mass; centre of mass; inertia about it (xx, yy,
# zz, xy, xz, yz).
LINKS = (
    (
        (0, 0, 0.333),
        (1, 0, 0, 0),
        4.970684,
        (0.003875, 0.002081, -0.04762),
        (0.70337, 0.70661, 0.009117, -0.000139, 0.006772, 0.019169),
    ),
    (
        (0, 0, 0),
        (1, -1, 0, 0),
        0.646926,
        (-0.003141, -0.02872, 0.003495),
        (0.007962, 0.02811, 0.025995, -0.003925, 0.010254, 0.000704),
    ),
    (
        (0, -0.316, 0),
        (1, 1, 0, 0),
        3.228604,
        (0.027518, 0.039252, -0.066502),
        (0.037242, 0.036155, 0.01083, -0.004761, -0.011396, -0.012805),
    ),
    (
        (0.0825, 0, 0),
        (1, 1, 0, 0),
        3.587895,
        (-0.05317, 0.104419, 0.027454),
        (0.025853, 0.019552, 0.028323, 0.007796, -0.001332, 0.008641),
    ),
    (
        (-0.0825, 0.384, 0),
        (1, -1, 0, 0),
        1.225946,
        (-0.011953, 0.041065, -0.038437),
        (0.035549, 0.029474, 0.008627, -0.002117, -0.004037, 0.000229),
    ),
    (
        (0, 0, 0),
        (1, 1, 0, 0),
        1.666555,
        (0.060149, -0.014117, -0.010517),
        (0.001964, 0.004354, 0.005433, 0.000109, -0.001158, 0.000341),
    ),
    (
        (0.088, 0, 0),
        (1, 1, 0, 0),
        0.735522,
        (0.010517, -0.004252, 0.061597),
        (0.012516, 0.010027, 0.004815, -0.000428, -0.001196, -0.000741),
    ),
)
JOINT_RANGES = np.array(
    [
        (-2.8973, 2.8973),
        (-1.7628, 1.7628),
        (-2.8973, 2.8973),
        (-3.0718, -0.0698),
        (-2.8973, 2.8973),
        (-0.0175, 3.7525),
        (-2.8973, 2.8973),
    ]
)
STIFFNESS = (1000, 1000, 750, 750, 300, 300, 300)
DAMPING = (40, 40, 40, 40, 5, 5, 5)
TORQUE = (87, 87, 87, 87, 12, 12, 12)
ARMATURE = 0.1
FINGER_STIFFNESS, FINGER_DAMPING, FINGER_FORCE = 1000, 100, 50
# Inertia of a light finger's motor. It also makes the grip firm, because contacts between light
# bodies creep in MuJoCo.
FINGER_ARMATURE = 1.0
# About the hand's own axis, so that the fingers open square to the arm.
HAND_TURN = (np.cos(np.pi / 8), 0, 0, -np.sin(np.pi / 8))


def add_arm(spec: mujoco.MjSpec) -> mujoco.MjsBody:
    """Add seven links with servos `joint1` to `joint7` from the origin; return the last link."""
    body = spec.worldbody
    for i, link in enumerate(LINKS):
        body, name = _add_link(body, f"link{i + 1}", *link), f"joint{i + 1}"
        body.add_joint(name=name, axis=[0, 0, 1], armature=ARMATURE, damping=[DAMPING[i], 0, 0])
        add_servo(spec, name, STIFFNESS[i], tuple(JOINT_RANGES[i]), TORQUE[i])
    add_ball(spec.body("link6"), "wrist", [0, 0, 0], WRIST_RADIUS)
    return body


def add_hand(parent: mujoco.MjsBody, height: float, quat: tuple[float, ...]) -> mujoco.MjsBody:
    """Add the hand without fingers: a body with three spheres `palm0` to `palm2` along it."""
    hand = parent.add_body(name="hand", pos=[0, 0, height], quat=quat, gravcomp=1)
    _set_inertia(hand, 0.73, (-0.01, 0, 0.03), (0.001, 0.0025, 0.0017, 0, 0, 0))
    for i, y in enumerate((-0.06, 0, 0.06)):
        add_ball(hand, f"palm{i}", [0, y, 0.035], PALM_RADIUS)
    return hand


def add_fingers(spec: mujoco.MjSpec, hand: mujoco.MjsBody) -> None:
    """Add two fingers that mirror each other, with servos, spheres and a site at each tip."""
    for side, quat in (("left", (1, 0, 0, 0)), ("right", (0, 0, 0, 1))):
        finger = hand.add_body(name=f"{side}_finger", pos=[0, 0, 0.0584], quat=quat, gravcomp=1)
        _set_inertia(finger, 0.015, (0, 0, 0), (2.375e-6, 2.375e-6, 7.5e-7, 0, 0, 0))
        _add_finger_joint(spec, finger, side)
        for i, z in enumerate((0.045, 0.07)):
            add_ball(finger, f"{side}{i}", [0, BALL_RADIUS + 0.0005, z], BALL_RADIUS)
        finger.add_site(name=f"{side}_tip", pos=[0, TIP_GAP / 2, 0.07], group=3)
    mirror = spec.add_equality(type=mujoco.mjtEq.mjEQ_JOINT, name1="left", name2="right")
    mirror.data[:2] = [0, 1]


def add_ball(body: mujoco.MjsBody, name: str, pos: list[float], radius: float) -> None:
    """Add a massless, invisible sphere that touches only what contact pairs name."""
    body.add_geom(
        name=name,
        type=mujoco.mjtGeom.mjGEOM_SPHERE,
        pos=pos,
        size=[radius, 0, 0],
        mass=0,
        contype=0,
        conaffinity=0,
        group=3,
    )


def add_servo(
    spec: mujoco.MjSpec, joint: str, stiffness: float, targets: tuple[float, float], force: float
) -> None:
    """Add a spring between a joint and its target, clipped at `force` (N or N m)."""
    servo = spec.add_actuator(name=joint, target=joint, trntype=mujoco.mjtTrn.mjTRN_JOINT)
    servo.set_to_position(kp=stiffness)
    servo.ctrllimited, servo.ctrlrange = True, targets
    servo.forcelimited, servo.forcerange = True, (-force, force)


def _add_link(parent, name, pos, quat, mass, centre, inertia) -> mujoco.MjsBody:
    quat = np.array(quat) / np.linalg.norm(quat)
    body = parent.add_body(name=name, pos=pos, quat=quat, gravcomp=1)
    _set_inertia(body, mass, centre, inertia)
    return body


def _set_inertia(body, mass, centre, inertia) -> None:
    body.mass, body.ipos, body.fullinertia = mass, centre, inertia
    body.explicitinertial = True


def _add_finger_joint(spec: mujoco.MjSpec, finger: mujoco.MjsBody, name: str) -> None:
    finger.add_joint(
        name=name,
        type=mujoco.mjtJoint.mjJNT_SLIDE,
        axis=[0, 1, 0],
        limited=True,
        range=[CLOSED, OPEN],
        armature=FINGER_ARMATURE,
        damping=[FINGER_DAMPING, 0, 0],
    )
    add_servo(spec, name, FINGER_STIFFNESS, (CLOSED, OPEN), FINGER_FORCE)
