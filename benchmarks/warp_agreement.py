"""Measures how far MuJoCo-Warp is from C MuJoCo after a control step, and what space robots need.

    python benchmarks/warp_agreement.py            # every robot; on two CPU cores some minutes
    python benchmarks/warp_agreement.py Ant ArmPush

C MuJoCo, its solver converged, takes each robot through 100 random actions, in episodes of 20, with
every wall in the model. MuJoCo-Warp takes the same steps from the same states, all in one call.
The columns give the median and the largest difference of positions (m, rad), the largest number of
contacts and of constraint rows in C, and the space that `physics.Warp` reserves for them.
"""

import argparse
import copy

import jax
import jax.numpy as jnp
import mujoco
import numpy as np

from components.environments.core.goal_environment import GoalEnvironment
from components.environments.core.physics import PhysicsState
from components.environments.core.physics.warp import Warp
from components.environments.core.physics.warp_buffers import bound_sizes
from components.environments.core.physics.warp_overflow import take_overflow
from dsl.language.registry import default_vocabulary

ROBOTS = ("PointMaze", "Reacher", "Pusher", "Ant", "AntMaze", "AntBall", "AntPush", "HalfCheetah")
ROBOTS += ("Humanoid", "HumanoidMaze", "ArmReach", "ArmPush", "ArmBinpick", "ArmBinpickEEF")
STATES, EPISODE = 100, 20


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("tasks", nargs="*", default=ROBOTS, help="words of the family env")
    print("| task | median | largest | contacts in C | space | rows in C | space |")
    print("| --- | ---: | ---: | ---: | ---: | ---: | ---: |")
    for name in parser.parse_args().tasks:
        print(compare(name), flush=True)


def compare(name: str) -> str:
    """Return the row of one task."""
    environment = default_vocabulary().words[f"env.{name}"].target()
    before, after, contacts, rows = step_in_c(environment)
    step = jax.jit(jax.vmap(environment.task.physics.with_engine(Warp()).apply_control))
    found = step(jax.tree.map(jnp.asarray, before), jnp.asarray(before.ctrl))
    if problem := take_overflow():
        raise SystemExit(problem)
    apart = np.abs(np.asarray(found.qpos) - after).max(axis=1)
    space = bound_sizes(environment.task.physics.whole)
    numbers = f"{np.median(apart):.0e} | {apart.max():.0e} | {contacts} | {space.contacts}"
    return f"| {name} | {numbers} | {rows} | {space.constraints} |"


def step_in_c(environment: GoalEnvironment) -> tuple[PhysicsState, np.ndarray, int, int]:
    """Return states, positions one control step later, and the most contacts and rows."""
    task, rng = environment.task, np.random.default_rng(0)
    model = copy.copy(task.physics.whole)
    model.opt.iterations, model.opt.ls_iterations = 100, 50
    data, steps, contacts, rows = mujoco.MjData(model), [], 0, 0
    for turn in range(STATES):
        if turn % EPISODE == 0:
            start = task.sample_start(jax.random.key(turn))
            mujoco.mj_resetData(model, data)
            data.qpos, data.qvel = start.qpos, start.qvel
        before = _state(environment, data, rng.uniform(-1, 1, environment.dims.action))
        data.qpos, data.qvel, data.qacc_warmstart, data.ctrl = before
        for _ in range(task.physics.substeps):
            mujoco.mj_step(model, data)
            contacts, rows = max(contacts, data.ncon), max(rows, data.nefc)
        steps.append((before, data.qpos.copy()))
    states, positions = zip(*steps, strict=True)
    return jax.tree.map(lambda *x: np.stack(x), *states), np.stack(positions), contacts, rows


def _state(environment: GoalEnvironment, data: mujoco.MjData, action: np.ndarray) -> PhysicsState:
    """Return the state in float32, with the controls of an action."""
    arrays = (data.qpos, data.qvel, data.qacc_warmstart, data.ctrl)
    state = PhysicsState(*(np.array(x, np.float32) for x in arrays))
    control = environment.task.control
    ctrl = action if control is None else control.apply(state, jnp.asarray(action, jnp.float32))
    return state._replace(ctrl=np.array(ctrl, np.float32))


if __name__ == "__main__":
    main()
