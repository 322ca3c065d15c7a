"""Loads a trained policy, for use anywhere.

policy = dsl.load_policy("runs/quickstart-001")
actions = policy(states, goals)
"""

from dataclasses import replace
from pathlib import Path
from typing import Any

import equinox as eqx
import jax
import jax.numpy as jnp
from jaxtyping import Array, Float, Key, PyTree

from components.learners.inspection import critic_of
from components.protocols import Critic, Learner, LearnerState, Metrics
from dsl.checkpoint import disk_format
from dsl.checkpoint.errors import DamagedError
from dsl.checkpoint.run_checkpoints import list_policies
from dsl.checkpoint.state_arrays import LEARNERS, NETWORKS, restore_tree
from dsl.errors import UsageError
from dsl.experiment import Experiment
from dsl.language.configuration import load
from dsl.loop.evaluation_rollout import Rollout, evaluate
from dsl.records.durable_files import refusing_unreadable
from dsl.records.run_folder import OPERATIVE
from dsl.training.build import build
from dsl.training.physics_space import require_space
from dsl.training.policy_inputs import ArrayLike, match_inputs
from dsl.training.python_description import BUILT_IN_PYTHON
from dsl.training.quiet_compiler import without_alarms


class Policy(eqx.Module):
    """Chooses actions as the evaluation does.

    Attributes:
        networks: of the learner, trained.
        learner: acts with them.
        experiment: what they were trained in.
        learner_name: name of the learner in the experiment.
        checkpoint: where they come from.
    """

    networks: PyTree
    learner: Learner
    experiment: Experiment = eqx.field(static=True)
    learner_name: str = eqx.field(static=True)
    checkpoint: Path = eqx.field(static=True)

    @property
    def critic(self) -> Critic | None:
        """Return the learner's critic; None for a learner without one."""
        return critic_of(self.networks)

    def __call__(
        self,
        states: ArrayLike,
        goals: ArrayLike,
        key: Key[Array, ""] | None = None,
    ) -> Float[Array, "*b a"]:
        """Return actions in [-1, 1] for one state, or for states along any number of batch axes.

        Args:
            states: (..., n), of the robot, without the goal.
            goals: (..., g); its batch axes and those of `states` broadcast as in NumPy.
            key: for policies that draw their actions; by default always the same.

        Raises:
            ValueError: the shapes do not fit, or a number is not finite.
        """
        key = jax.random.key(0) if key is None else key
        states, goals = match_inputs(states, goals, self.experiment.environment.dims)
        batch = states.shape[:-1]
        flat_states, flat_goals = (x.reshape(-1, x.shape[-1]) for x in (states, goals))
        actions = _act(self.learner, self.networks, flat_states, flat_goals, key)
        return actions.reshape(*batch, actions.shape[-1])


# Takes no `Policy`, which remembers its checkpoint: each would be traced and compiled by itself.
@eqx.filter_jit
def _act(learner: Learner, networks: PyTree, states: Array, goals: Array, key: Array) -> Array:
    return learner.evaluation_actions(networks, states, goals, key)


def load_policy(
    place: str | Path,
    learner: str | None = None,
    *,
    experiment: Experiment | None = None,
    trust: bool = False,
) -> Policy:
    """Return the policy of a run, or of one of its checkpoints.

    Args:
        place: a run's folder, for its best policy by evaluation; or one of its checkpoints.
        learner: name of one of several learners; by default the one that collects data.
        experiment: what was run, if it was built in Python; a gin file describes every other run.
        trust: whether the run's `import` lines may run, which execute Python code that came with
            it. Pass True for your own runs with words of your own, never for a stranger's.

    Raises:
        UsageError: there is no such run, checkpoint or learner, the checkpoint is damaged, or the
            run has `import` lines that are not trusted.
        UnreadableError: the run cannot be read now.
    """
    with refusing_unreadable(Path(place)):
        run, checkpoint = _find(Path(place))
    experiment = experiment or _load_experiment(run, trust)
    name = learner or experiment.collector_name
    if name not in experiment.learners:
        names = ", ".join(experiment.learners)
        raise UsageError(f"{run}: has no learner {name!r}; it has {names}.")
    chosen = experiment.learners[name]
    template = eqx.filter_eval_shape(chosen.init, experiment.environment.dims, jax.random.key(0))
    networks = _read(checkpoint, name, template.networks)
    return Policy(networks, chosen, experiment, name, checkpoint)


def _load_experiment(run: Path, trust: bool) -> Experiment:
    with refusing_unreadable(run / OPERATIVE):
        text = (run / OPERATIVE).read_text(errors="replace")
    if text.startswith(BUILT_IN_PYTHON):
        raise UsageError(
            f"{run}: was built in Python, which its files do not hold. Pass that experiment to "
            "dsl.load_policy(..., experiment=...)."
        )
    return build(load(run / OPERATIVE, trust=trust))


def play(
    policy: Policy, episodes: int, seed: int, recorded: int | None = None
) -> tuple[Metrics, Rollout]:
    """Evaluate a policy on fresh episodes of the task that it was evaluated on in training.

    Args:
        policy: what acts.
        episodes: how many.
        seed: of starts, goals and actions.
        recorded: how many of them are kept; by default as many as a run draws.

    Returns:
        Metrics and some of the episodes, as `evaluate` returns them.
    """
    name, experiment = policy.learner_name, policy.experiment
    primary = experiment.primary_evaluation
    evaluation = replace(experiment.evaluation_tasks[primary], episodes=episodes)
    alone = replace(
        experiment,
        learner={name: policy.learner},
        collector=name,
        evaluation={primary: evaluation},
    )
    program = alone.program()
    if recorded is not None:
        program = replace(program, recorded_episodes=recorded)
    state = LearnerState(policy.networks, None, None, jnp.zeros((), jnp.int32))
    with without_alarms():
        found = eqx.filter_jit(evaluate)(program, {name: state}, jax.random.key(seed))
    require_space()
    return found


def _find(place: Path) -> tuple[Path, Path]:
    """Return the run and the checkpoint that a place names."""
    if (place / disk_format.MANIFEST).exists():
        run = place.resolve().parent.parent
        if (run / OPERATIVE).exists():
            return run, place
        raise UsageError(f"{place}: lies in no run folder ({run} has no {OPERATIVE}).")
    if not (place / OPERATIVE).exists():
        raise UsageError(f"{place}: is neither a run folder nor a checkpoint of one.")
    found = list_policies(place)
    if not found:
        raise UsageError(f"{place}: has no checkpoint yet. Let the run reach its first evaluation.")
    return place, found[0]


def _read(checkpoint: Path, learner: str, template: PyTree) -> Any:
    prefix = f"{learner}.{NETWORKS}."
    try:
        arrays = disk_format.read_arrays(checkpoint, LEARNERS)
        mine = {n.removeprefix(prefix): a for n, a in arrays.items() if n.startswith(prefix)}
        return jax.tree.map(jnp.asarray, restore_tree(template, mine, checkpoint))
    except DamagedError as error:
        raise UsageError(
            f"{checkpoint}: cannot be used: {error}. Name another checkpoint of the run."
        ) from error
