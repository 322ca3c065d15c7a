"""The root of a gin file: what a run consists of."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Annotated

from components.constraints import AtLeast, AtMost, OneOf, PositiveInt, SettingError, problems
from components.environments.core.goal_environment import GoalEnvironment
from components.protocols import Learner
from components.replay.trajectory_buffer import TrajectoryBuffer
from dsl.checkpoint.policy import CheckpointPolicy
from dsl.loop.program import Program
from dsl.loop.schedule import Schedule, make_schedule
from dsl.tracking import Aim, Console, TrackerFactory

_INT32, _UINT32, _INT64 = 2**31 - 1, 2**32 - 1, 2**63 - 1


@dataclass(frozen=True)
class Experiment:
    """A learner, a task, a buffer, and how long and how wide they run.

    Attributes:
        environment: task that data is collected in.
        learner: what is trained; several learners as a dict by name, which train on the same
            transitions and are all scored.
        buffer: replay buffer.
        eval_environment: task that the policy is scored on; the training task where left out.
        collector: which of several learners fills the buffer; the first where left out.
        seed: seed of everything random.
        num_envs: parallel environments.
        total_env_steps: environment steps over all environments; rounded up to whole epochs.
        batch_size: transitions per gradient update.
        unroll_length: steps of each environment per iteration.
        updates_per_iteration: gradient updates after each unroll.
        transitions_per_iteration: the most that updates after an unroll may use, so that there are
            fewer of them where batches are large; as many as they need where left out.
        prefill_steps: rows per environment collected before the first update.
        evaluations: epochs, each of which ends with an evaluation.
        eval_episodes: episodes per evaluation, run in parallel.
        start_goal: where training episodes start and what they are to reach: `fresh` at every
            reset, or `fixed_per_slot`: each parallel environment repeats its first start and goal
            for the whole run, as the reference implementations do. Evaluation is always fresh.
        film: whether an episode of the last evaluation is filmed, where OpenGL works.
        checkpoint_minutes: between two checkpoints, at least; they never take more than 3% of the
            time.
        checkpoint_epochs: between two checkpoints, whatever the time; time alone counts where left
            out. The end of a run and a signal always leave one.
        checkpoints_kept: how many of the last ones stay; the best policy is kept beside them.
        trackers: what shows the run beside `metrics.jsonl`, which is always written.
    """

    environment: GoalEnvironment
    learner: Learner | dict[str, Learner]
    buffer: TrajectoryBuffer
    eval_environment: GoalEnvironment | None = None
    collector: str | None = None
    seed: Annotated[int, AtLeast(0), AtMost(_UINT32)] = 0
    num_envs: PositiveInt = 512
    total_env_steps: Annotated[int, AtLeast(1), AtMost(_INT64)] = 100_000_000
    batch_size: Annotated[int, AtLeast(2)] = 512
    unroll_length: PositiveInt = 62
    updates_per_iteration: PositiveInt = 800
    transitions_per_iteration: PositiveInt | None = None
    prefill_steps: Annotated[int, AtLeast(3)] = 1_000
    evaluations: PositiveInt = 100
    eval_episodes: PositiveInt = 128
    start_goal: Annotated[str, OneOf(("fresh", "fixed_per_slot"))] = "fresh"
    film: bool = True
    checkpoint_minutes: Annotated[float, AtLeast(0)] = 10.0
    checkpoint_epochs: PositiveInt | None = None
    checkpoints_kept: PositiveInt = 2
    trackers: Sequence[TrackerFactory] = (Aim(), Console())

    def problems(self) -> list[SettingError]:
        """Every setting that cannot be, alone or beside the others."""
        return [*problems(Experiment, vars(self)), *self._disagreements()]

    def _disagreements(self) -> list[SettingError]:
        found = []
        capacity, rows = self.buffer.capacity, self.environment.episode_length + 1
        if capacity < rows:
            found.append(
                SettingError(
                    "buffer",
                    f"holds {capacity} rows per environment, but an episode fills {rows} "
                    f"({rows - 1} steps and the final observation). Set its capacity to {rows} or "
                    f"more, or the episode_length to {max(capacity - 1, 1)} or less.",
                )
            )
        if capacity < self.unroll_length:
            found.append(
                SettingError(
                    "unroll_length",
                    f"is {self.unroll_length}, more rows than the buffer holds. "
                    f"Nearest: {capacity}.",
                )
            )
        train, evaluation = self.environment.dims, self.eval_env.dims
        if train != evaluation:
            found.append(
                SettingError(
                    "eval_environment",
                    f"has other sizes than the training task: {evaluation} against {train}. "
                    "Choose two tasks of the same robot.",
                )
            )
        transitions = self.transitions_per_iteration
        if transitions is not None and transitions < self.batch_size:
            problem = f"is {transitions}, less than one batch. Nearest: {self.batch_size}."
            found.append(SettingError("transitions_per_iteration", problem))
        found += _collector_problems(self.learners, self.collector)
        return found or _overflows(self.schedule(), self.num_envs)

    @property
    def learners(self) -> dict[str, Learner]:
        """All learners by name; a single one is called `learner`."""
        return self.learner if isinstance(self.learner, dict) else {"learner": self.learner}

    @property
    def eval_env(self) -> GoalEnvironment:
        """The task that the policy is scored on."""
        return self.environment if self.eval_environment is None else self.eval_environment

    def schedule(self, iterations_per_epoch: int | None = None) -> Schedule:
        """Epochs and iterations of the run.

        Args:
            iterations_per_epoch: of a run that goes on, whose epochs stay as long as they were.
        """
        return make_schedule(
            total_env_steps=self.total_env_steps,
            evaluations=self.evaluations,
            num_envs=self.num_envs,
            unroll_length=self.unroll_length,
            updates_per_iteration=self._updates_per_iteration(),
            prefill_steps=self.prefill_steps,
            iterations_per_epoch=iterations_per_epoch,
        )

    def _updates_per_iteration(self) -> int:
        """As many as whole batches of the transitions allow."""
        allowed = (self.transitions_per_iteration or _INT64) // self.batch_size
        return min(self.updates_per_iteration, allowed)

    @property
    def checkpoint_policy(self) -> CheckpointPolicy:
        """When checkpoints are written, and how many are kept."""
        return CheckpointPolicy(
            self.checkpoint_minutes, self.checkpoint_epochs, self.checkpoints_kept
        )

    def program(self) -> Program:
        """What the compiled loop runs."""
        return Program(
            environment=self.environment,
            eval_environment=self.eval_env,
            learners=self.learners,
            collector=self.collector or next(iter(self.learners)),
            buffer=self.buffer,
            num_envs=self.num_envs,
            unroll_length=self.unroll_length,
            batch_size=self.batch_size,
            eval_episodes=self.eval_episodes,
            fixed_starts=self.start_goal == "fixed_per_slot",
        )


def _collector_problems(learners: dict[str, Learner], collector: str | None) -> list[SettingError]:
    names = ", ".join(map(repr, learners))
    if not learners:
        return [SettingError("learner", "is an empty dict; a run needs at least one learner.")]
    if wrong := [n for n in learners if not (isinstance(n, str) and n.isidentifier())]:
        return [
            SettingError("learner", f"is called {wrong[0]!r}; use letters, digits and underscores.")
        ]
    if collector is not None and collector not in learners:
        return [SettingError("collector", f"is {collector!r}; the learners are {names}.")]
    return []


def _overflows(schedule: Schedule, num_envs: int) -> list[SettingError]:
    """Counts that the compiled loop could not hold."""
    rows = schedule.env_steps(schedule.epochs) // num_envs
    fill = schedule.env_steps(0) // num_envs
    updates = schedule.iterations_per_epoch * schedule.updates_per_iteration
    counts_to = f"the loop counts to {_INT32:,}"
    found = []
    if fill > _INT32 // 2:
        problem = f"means {fill:,} steps before the first update. Nearest: {_INT32 // 2:_}."
        found.append(SettingError("prefill_steps", problem))
    elif rows > _INT32:
        problem = f"means {rows:,} steps of each environment; {counts_to}. Raise num_envs."
        found.append(SettingError("total_env_steps", problem))
    if updates > _INT32:
        problem = f"means {updates:,} updates in each epoch; {counts_to}. Raise evaluations."
        found.append(SettingError("updates_per_iteration", problem))
    return found
