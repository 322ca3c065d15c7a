"""Tasks: functions that build a `GoalEnvironment`.

    from components.environments import ant_maze

Names are imported when they are first used, so that importing one task does not load the others.
"""

from importlib import import_module
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from components.environments.tasks.ant import ant, ant_maze, ant_maze_stitching
    from components.environments.tasks.ant_ball import ant_ball, ant_ball_maze
    from components.environments.tasks.ant_push import ant_push
    from components.environments.tasks.arm import (
        arm_binpick,
        arm_binpick_eef,
        arm_grasp,
        arm_push,
        arm_reach,
    )
    from components.environments.tasks.half_cheetah import half_cheetah
    from components.environments.tasks.humanoid import humanoid, humanoid_maze
    from components.environments.tasks.point import point_maze, point_maze_stitching
    from components.environments.tasks.pusher import pusher
    from components.environments.tasks.reacher import reacher

__all__ = [
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

_MODULES = {
    "ant": "components.environments.tasks.ant",
    "ant_ball": "components.environments.tasks.ant_ball",
    "ant_ball_maze": "components.environments.tasks.ant_ball",
    "ant_maze": "components.environments.tasks.ant",
    "ant_maze_stitching": "components.environments.tasks.ant",
    "ant_push": "components.environments.tasks.ant_push",
    "arm_binpick": "components.environments.tasks.arm",
    "arm_binpick_eef": "components.environments.tasks.arm",
    "arm_grasp": "components.environments.tasks.arm",
    "arm_push": "components.environments.tasks.arm",
    "arm_reach": "components.environments.tasks.arm",
    "half_cheetah": "components.environments.tasks.half_cheetah",
    "humanoid": "components.environments.tasks.humanoid",
    "humanoid_maze": "components.environments.tasks.humanoid",
    "point_maze": "components.environments.tasks.point",
    "point_maze_stitching": "components.environments.tasks.point",
    "pusher": "components.environments.tasks.pusher",
    "reacher": "components.environments.tasks.reacher",
}


def __getattr__(name: str) -> Any:
    if name not in _MODULES:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    return getattr(import_module(_MODULES[name]), name)
