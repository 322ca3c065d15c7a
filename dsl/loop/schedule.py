"""How a total of environment steps becomes epochs and iterations of the loop."""

from typing import NamedTuple


class Schedule(NamedTuple):
    """The whole-number plan of a run; host integers, for an int32 wraps at 2.1e9 steps.

    Attributes:
        steps_per_iteration: environment steps of one unroll over all environments.
        updates_per_iteration: gradient updates after each unroll.
        fill_iterations: unrolls of the untrained policy before the first update.
        iterations_per_epoch: unrolls between two evaluations.
        epochs: evaluations of the run.
    """

    steps_per_iteration: int
    updates_per_iteration: int
    fill_iterations: int
    iterations_per_epoch: int
    epochs: int

    def env_steps(self, epoch: int) -> int:
        """Environment steps made when `epoch` epochs are finished."""
        return (self.fill_iterations + epoch * self.iterations_per_epoch) * self.steps_per_iteration

    def updates(self, epoch: int) -> int:
        """Gradient updates made when `epoch` epochs are finished."""
        return epoch * self.iterations_per_epoch * self.updates_per_iteration


def plan(
    total_env_steps: int,
    evaluations: int,
    num_envs: int,
    unroll_length: int,
    updates_per_iteration: int,
    fill_rows: int,
    iterations_per_epoch: int | None = None,
) -> Schedule:
    """The shortest schedule of whole epochs that makes at least `total_env_steps`.

    Args:
        total_env_steps: environment steps over all environments, filling the buffer included.
        evaluations: epochs wanted; a short run has fewer, one for each iteration.
        num_envs: parallel environments.
        unroll_length: steps of each environment per iteration.
        updates_per_iteration: gradient updates after each unroll.
        fill_rows: rows per environment before the first update.
        iterations_per_epoch: of a run that goes on, whose epochs stay as long as they were.
    """
    steps = num_envs * unroll_length
    fill = _ceil(fill_rows, unroll_length)
    iterations = max(1, _ceil(total_env_steps, steps) - fill)
    per_epoch = iterations_per_epoch or _ceil(iterations, evaluations)
    return Schedule(
        steps_per_iteration=steps,
        updates_per_iteration=updates_per_iteration,
        fill_iterations=fill,
        iterations_per_epoch=per_epoch,
        epochs=_ceil(iterations, per_epoch),
    )


def _ceil(total: int, part: int) -> int:
    return -(-total // part)
