"""Divides a total of environment steps into epochs and iterations, and counts how many are done."""

from typing import NamedTuple


class Schedule(NamedTuple):
    """The length of a run in whole numbers; host integers, because int32 wraps at 2.1e9 steps.

    Attributes:
        steps_per_iteration: environment steps of one unroll over all environments.
        updates_per_iteration: gradient updates after each unroll.
        prefill_iterations: unrolls of the untrained policy before the first update.
        iterations_per_epoch: unrolls between two evaluations.
        epochs: evaluations of the run.
    """

    steps_per_iteration: int
    updates_per_iteration: int
    prefill_iterations: int
    iterations_per_epoch: int
    epochs: int

    def env_steps(self, epoch: int) -> int:
        """Return the environment steps made by the end of epoch number `epoch`."""
        iterations = self.prefill_iterations + epoch * self.iterations_per_epoch
        return iterations * self.steps_per_iteration

    def updates(self, epoch: int) -> int:
        """Return the gradient updates made by the end of epoch number `epoch`."""
        return epoch * self.iterations_per_epoch * self.updates_per_iteration

    def epoch_counts(self, epoch: int) -> tuple[int, int]:
        """Return the iterations of an epoch and the updates after each of them.

        Epoch 0 fills the buffer with the untrained policy and updates nothing.
        """
        if epoch == 0:
            return self.prefill_iterations, 0
        return self.iterations_per_epoch, self.updates_per_iteration


def make_schedule(
    total_env_steps: int,
    evaluations: int,
    num_envs: int,
    unroll_length: int,
    updates_per_iteration: int,
    prefill_steps: int,
    iterations_per_epoch: int | None = None,
) -> Schedule:
    """Return the shortest schedule of whole epochs that makes at least `total_env_steps`.

    Args:
        total_env_steps: environment steps over all environments, including the prefill.
        evaluations: number of epochs; a run with fewer iterations than that has one per iteration.
        num_envs: parallel environments.
        unroll_length: steps of each environment per iteration.
        updates_per_iteration: gradient updates after each unroll.
        prefill_steps: steps of each environment before the first update.
        iterations_per_epoch: epoch length of a resumed run, which never changes.
    """
    steps = num_envs * unroll_length
    prefill = _ceil_div(prefill_steps, unroll_length)
    iterations = max(1, _ceil_div(total_env_steps, steps) - prefill)
    per_epoch = iterations_per_epoch or _ceil_div(iterations, evaluations)
    return Schedule(
        steps_per_iteration=steps,
        updates_per_iteration=updates_per_iteration,
        prefill_iterations=prefill,
        iterations_per_epoch=per_epoch,
        epochs=_ceil_div(iterations, per_epoch),
    )


def _ceil_div(total: int, part: int) -> int:
    return -(-total // part)
