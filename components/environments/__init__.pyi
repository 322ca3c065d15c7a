from .core.physics.c import C
from .core.physics.mjx import MJX
from .core.physics.warp import Warp
from .tasks.ant import ant, ant_maze, ant_maze_stitching
from .tasks.ant_ball import ant_ball, ant_ball_maze
from .tasks.ant_push import ant_push
from .tasks.arm import (
    arm_binpick,
    arm_binpick_eef,
    arm_grasp,
    arm_push,
    arm_reach,
)
from .tasks.half_cheetah import half_cheetah
from .tasks.humanoid import humanoid, humanoid_maze
from .tasks.point import point_maze, point_maze_stitching
from .tasks.pusher import pusher
from .tasks.reacher import reacher

__all__ = [
    "MJX",
    "C",
    "Warp",
    "ant",
    "ant_ball",
    "ant_ball_maze",
    "ant_maze",
    "ant_maze_stitching",
    "ant_push",
    "arm_binpick",
    "arm_binpick_eef",
    "arm_grasp",
    "arm_push",
    "arm_reach",
    "half_cheetah",
    "humanoid",
    "humanoid_maze",
    "point_maze",
    "point_maze_stitching",
    "pusher",
    "reacher",
]
