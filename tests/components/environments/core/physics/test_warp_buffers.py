"""Space for contacts and constraints: counted by hand, and never exceeded by C MuJoCo."""

import mujoco
import numpy as np
import pytest

from components.environments.core.physics.warp_buffers import Sizes, bound_sizes
from components.environments.mazes.layouts import make_maze
from components.environments.robot_models.ant import ant_model
from components.environments.robot_models.half_cheetah import half_cheetah_model
from components.environments.robot_models.humanoid import humanoid_model
from components.environments.robot_models.panda_scenes import cube_model, hand_model
from components.environments.robot_models.pusher import pusher_model
from components.environments.robot_models.reacher import reacher_model
from components.environments.tasks.arm import BINS

WALLS = make_maze("u_maze").walls


def compiled(bodies, rest=""):
    return mujoco.MjModel.from_xml_string(f"<mujoco><worldbody>{bodies}</worldbody>{rest}</mujoco>")


def box_on(joint, name, **geom):
    attributes = " ".join(f'{key}="{value}"' for key, value in geom.items())
    return f'<body name="{name}">{joint}<geom {attributes}/></body>'


PLANE = '<geom type="plane" size="1 1 1"/>'
FREE = "<freejoint/>"
WALL = '<geom type="box" size="1 1 1" condim="1" priority="1"/>'
BALL = box_on(FREE, "ball", type="sphere", size="0.1")
BAR = box_on(FREE, "bar", type="capsule", size="0.1 0.2")
CRATE = box_on(FREE, "crate", type="box", size="0.1 0.1 0.1", condim="1")
HINGE = '<joint type="hinge" limited="true" range="-1 1" frictionloss="1"/>'
DOOR = box_on(HINGE, "door", type="sphere", size="0.1", contype="0", conaffinity="0")
PAIR = '<contact><pair geom1="a" geom2="b" condim="6"/></contact>'
NAMED = (
    '<geom name="a" type="plane" size="1 1 1" contype="0" conaffinity="0"/>'
    '<body><freejoint/><geom name="b" size="1" contype="0" conaffinity="0"/></body>'
)


@pytest.mark.parametrize(
    ("model", "contacts", "rows"),
    [
        (compiled(PLANE + BALL), 1, 4),
        (compiled(PLANE + BAR), 2, 8),
        (compiled(PLANE + BALL + BAR), 1 + 2 + 1, 4 * (1 + 2 + 1)),
        (compiled(CRATE + CRATE.replace("crate", "other")), 8, 8),
        (compiled(9 * WALL + BALL), 4, 4),
        (compiled(9 * WALL + PLANE), 1, 1),
        (compiled(NAMED, PAIR), 1, 10),
        (compiled(DOOR), 1, 3),
    ],
)
def test_sizes_are_those_counted_by_hand(model, contacts, rows):
    assert bound_sizes(model) == Sizes(contacts, rows)


@pytest.mark.parametrize(
    "model",
    [
        ant_model(),
        ant_model(WALLS),
        humanoid_model(WALLS),
        half_cheetah_model(),
        pusher_model(),
        reacher_model(),
        cube_model(bins=BINS["easy"]),
        hand_model(BINS["easy"]),
    ],
    ids=["ant", "ant_maze", "humanoid_maze", "cheetah", "pusher", "reacher", "cube", "hand"],
)
def test_robots_that_fall_over_in_c_have_space(model):
    rng = np.random.default_rng(0)
    data, bound, most = mujoco.MjData(model), bound_sizes(model), 0
    for _ in range(250):
        data.ctrl = rng.uniform(-1, 1, model.nu)
        mujoco.mj_step(model, data)
        assert data.ncon <= bound.contacts
        assert data.nefc <= bound.constraints
        most = max(most, data.nefc)
    assert most > 0
