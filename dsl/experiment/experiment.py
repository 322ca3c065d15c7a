"""Defines the root of a gin file: what a run consists of."""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Annotated

from components.constraints import AtLeast, AtMost, OneOf, PositiveInt, SettingError, problems
from components.environments.core.goal_environment import GoalEnvironment
from components.protocols import Learner
from components.replay.trajectory_buffer import TrajectoryBuffer
from dsl.checkpoint.policy import CheckpointPolicy
from dsl.experiment.problems import (
    accumulation_problems,
    best_by_problems,
    buffer_problems,
    collector_problems,
    evaluation_problems,
    overflow_problems,
    update_problems,
)
from dsl.loop.evaluation_plan import FreshEpisodes
from dsl.loop.program import Program
from dsl.loop.schedule import Schedule, make_schedule
from dsl.tracking import Aim, Console, TrackerFactory

_UINT32, _INT64 = 2**32 - 1, 2**63 - 1
# What the schedule of a run follows from.
_COUNTS = (
    *("total_env_steps", "evaluations", "num_envs", "unroll_length", "updates_per_iteration"),
    *("prefill_steps", "transitions_per_iteration", "batch_size"),
)


@dataclass(frozen=True)
class Experiment:
    """A learner, a task, a buffer, and how long and how wide they run.

    Attributes:
        environment: task that data is collected in.
        learner: what is trained; several learners as a dict by name train on the same transitions
            and are all evaluated.
        buffer: replay buffer.
        eval_environment: task that the policy is evaluated on; by default the training task.
        collector: which of several learners fills the buffer; by default the first.
        seed: seed of everything random.
        num_envs: parallel environments.
        total_env_steps: environment steps over all environments; rounded up to whole epochs.
        batch_size: transitions per gradient update.
        unroll_length: steps of each environment per iteration.
        updates_per_iteration: gradient updates after each unroll.
        transitions_per_iteration: the most transitions that the updates after an unroll may use, so
            that large batches mean fewer updates; by default there is no limit.
        prefill_steps: steps of each environment collected before the first update.
        evaluations: number of epochs; each ends with an evaluation.
        eval_episodes: episodes per evaluation, run in parallel.
        evaluation: how the policy is evaluated; several evaluations as a dict by name, whose
            metrics are called `NAME/...`. By default one, called `eval`.
        best_by: the metric of an evaluation whose highest value chooses the best checkpoint; with a
            minus in front, the lowest value.
        start_goal: where training episodes start and what they are to reach: `fresh` at every
            reset, or `fixed_per_slot`: each parallel environment repeats its first start and goal
            for the whole run, as the reference implementations do. Evaluation is always fresh.
        film: whether an episode of the last evaluation is filmed, if OpenGL works.
        checkpoint_minutes: least time between two checkpoints; they never take more than 3% of the
            time.
        checkpoint_epochs: epochs between two checkpoints, whatever the time; by default time alone
            counts. The end of a run and a signal always leave one.
        checkpoints_kept: how many of the last ones stay, beside the best policy.
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
    evaluation: FreshEpisodes | dict[str, FreshEpisodes] | None = None
    best_by: str = "eval/time_at_goal"
    start_goal: Annotated[str, OneOf(("fresh", "fixed_per_slot"))] = "fresh"
    film: bool = True
    checkpoint_minutes: Annotated[float, AtLeast(0)] = 10.0
    checkpoint_epochs: PositiveInt | None = None
    checkpoints_kept: PositiveInt = 2
    trackers: Sequence[TrackerFactory] = (Aim(), Console())

    def problems(self, unknown: Iterable[str] = ()) -> list[SettingError]:
        """Return every impossible setting, alone or beside the others.

        Args:
            unknown: settings that are wrong in themselves or in their parts, which has been
                reported: what depends on them is not judged.
        """
        unknown = set(unknown)
        found = [e for e in problems(Experiment, vars(self)) if e.setting not in unknown]
        unknown |= {error.setting for error in found}
        return [*found, *self._disagreements(unknown)]

    def _disagreements(self, unknown: set[str]) -> list[SettingError]:
        """Return the settings that each are possible, but not together."""
        found = [*collector_problems(self.learners, self.collector)]
        if unknown.isdisjoint(("evaluation", "eval_environment", "environment")):
            tasks = self.evaluation_tasks
            found += evaluation_problems(self.evaluation, tasks, self.environment)
        wrong = {error.setting for error in found} | unknown
        if wrong.isdisjoint(("evaluation", "collector", "best_by")) and self.learners:
            metrics = self.evaluation_metrics()
            found += best_by_problems(self.best_by, self.best_metric(), metrics)
        if unknown.isdisjoint(("buffer", "environment", "unroll_length")):
            found += buffer_problems(self.buffer, self.environment, self.unroll_length)
        if unknown.isdisjoint(("transitions_per_iteration", "batch_size")):
            found += update_problems(self.transitions_per_iteration, self.batch_size)
        if unknown.isdisjoint(("learner", "batch_size")):
            found += accumulation_problems(self.learners, self.batch_size)
        if unknown.isdisjoint(_COUNTS) and not found:
            found += overflow_problems(self.schedule(), self.num_envs)
        return found

    @property
    def learners(self) -> dict[str, Learner]:
        """Return all learners by name; a single one is called `learner`."""
        return self.learner if isinstance(self.learner, dict) else {"learner": self.learner}

    @property
    def collector_name(self) -> str:
        """Return the name of the learner that fills the buffer."""
        return self.collector or next(iter(self.learners))

    @property
    def evaluation_tasks(self) -> dict[str, FreshEpisodes]:
        """Return all evaluations by name, every setting given; a single one is called `eval`."""
        evaluation = self.evaluation or FreshEpisodes()
        named = evaluation if isinstance(evaluation, dict) else {"eval": evaluation}
        environment = self.eval_environment or self.environment
        return {
            name: each.with_defaults(environment, self.eval_episodes)
            for name, each in named.items()
        }

    @property
    def primary_evaluation(self) -> str:
        """Return the name of the first evaluation, whose episodes are drawn."""
        return next(iter(self.evaluation_tasks))

    @property
    def eval_env(self) -> GoalEnvironment:
        """Return the task of the primary evaluation."""
        environment = self.evaluation_tasks[self.primary_evaluation].environment
        assert environment is not None
        return environment

    def evaluation_metrics(self) -> list[str]:
        """Return the full names of all metrics of all evaluations."""
        several = len(self.learners) > 1
        return [
            f"{name}/{learner}/{metric}" if several else f"{name}/{metric}"
            for name, evaluation in self.evaluation_tasks.items()
            for learner in self.learners
            for metric in evaluation.metrics
        ]

    def best_metric(self) -> str:
        """Return the full name of the metric that chooses the best checkpoint.

        Of several learners the collector counts, unless `best_by` names another.
        """
        name = self.best_by.removeprefix("-")
        if len(self.learners) > 1 and name.count("/") == 1:
            evaluation, metric = name.split("/")
            return f"{evaluation}/{self.collector_name}/{metric}"
        return name

    def score(self, metrics: Mapping[str, float]) -> float:
        """Return the number whose highest value chooses the best checkpoint."""
        value = metrics[self.best_metric()]
        return -value if self.best_by.startswith("-") else value

    def schedule(self, iterations_per_epoch: int | None = None) -> Schedule:
        """Return the epochs and iterations of the run.

        Args:
            iterations_per_epoch: epoch length of a resumed run, which never changes.
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
        """Return as many as whole batches of the transitions allow."""
        allowed = (self.transitions_per_iteration or _INT64) // self.batch_size
        return min(self.updates_per_iteration, allowed)

    @property
    def checkpoint_policy(self) -> CheckpointPolicy:
        """Return when checkpoints are written, and how many are kept."""
        return CheckpointPolicy(
            self.checkpoint_minutes, self.checkpoint_epochs, self.checkpoints_kept
        )

    def program(self, schedule: Schedule | None = None) -> Program:
        """Return what the compiled loop runs.

        Args:
            schedule: of a resumed run; by default that of a new one.
        """
        schedule = schedule or self.schedule()
        return Program(
            environment=self.environment,
            learners=self.learners,
            collector=self.collector_name,
            buffer=self.buffer,
            num_envs=self.num_envs,
            unroll_length=self.unroll_length,
            batch_size=self.batch_size,
            evaluations=self.evaluation_tasks,
            primary_evaluation=self.primary_evaluation,
            updates=schedule.updates(schedule.epochs),
            fixed_starts=self.start_goal == "fixed_per_slot",
        )
