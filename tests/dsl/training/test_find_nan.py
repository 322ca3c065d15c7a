"""The operation, network, block and update that first made a number non-finite."""

from functools import partial

import equinox as eqx
import jax
import jax.numpy as jnp
import optax
import pytest
from linear_networks import LinearPolicy
from probes import Line

from components.learners.actor_critic import ActorCritic
from components.losses.actor import LogLikelihood
from components.networks import ResidualMLP
from components.protocols import ActorLoss, StochasticActor
from components.relabelling.strategies import Commanded
from components.replay.trajectory_buffer import TrajectoryBuffer
from dsl.experiment import Experiment
from dsl.loop.nonfinite_origin import find_origin
from dsl.training.find_nan import describe_origin, search

FAILING_UPDATE = 6


class Fading(ActorLoss):
    """Imitation plus the logarithm of the updates that are left; what is masked does not count."""

    left: jax.Array

    def __call__(self, actor: StochasticActor, batch, frozen, key):
        loss, _ = LogLikelihood()(actor, batch, frozen, key)
        masked = jnp.where(self.left > -1000.0, 0.0, jnp.log(0.0 * self.left))
        return loss + jnp.log(self.left) + masked, None


class Doomed(ActorCritic):
    """A learner whose actor's loss is not finite at the sixth update."""

    def update(self, state, batch, key):
        left = (FAILING_UPDATE - 1 - state.updates).astype(jnp.float32)
        now = eqx.tree_at(lambda learner: learner.actor_loss.left, self, left)
        return ActorCritic.update(now, state, batch, key)


def experiment(learner):
    return Experiment(
        environment=Line(),
        learner=learner,
        buffer=TrajectoryBuffer(40),
        num_envs=4,
        total_env_steps=4 * 10 * 5,
        batch_size=8,
        unroll_length=10,
        updates_per_iteration=4,
        prefill_steps=20,
        evaluations=2,
        eval_episodes=2,
    )


def doomed(**settings):
    return Doomed(
        actor=lambda dims, key: LinearPolicy(jnp.ones((dims.action, dims.state + dims.goal))),  # noqa: ARG005
        actor_loss=Fading(jnp.ones(())),
        actor_optimiser=optax.sgd(1e-3),
        relabelling=Commanded(),
        **settings,
    )


@pytest.mark.usefixtures("quickly_compiled")
@pytest.mark.parametrize("settings", [{}, {"gradient_accumulation": 2}], ids=["whole", "parts"])
def test_a_loss_that_fails_at_a_known_update(capsys, settings):
    asked = experiment(doomed(**settings))
    found = search(asked, asked.schedule())
    head, *rows = found.splitlines()
    assert head == (
        "update 6 of the run (epoch 1, iteration 2, update 2 of 4) made the first number that is "
        "not finite:"
    )
    assert [row.split(maxsplit=1)[0] for row in rows[:3]] == ["operation", "line", "network"]
    assert [row.split() for row in rows[3:]] == [["micro-batch", "1", "of", "2"]] * bool(settings)
    assert rows[0].endswith("log, which gave -inf in 1 of 1 numbers of float32[]")
    assert "test_find_nan.py:" in rows[1]
    assert rows[1].endswith("in __call__")
    assert rows[2].split() == ["network", "learner", "/", "actor"]
    assert "epoch 0 of 2: every number is finite" in capsys.readouterr().err


def scaled_blocks(x, scales):
    """Return x multiplied by every scale, by a scan in a named scope."""
    with jax.named_scope("critic"), jax.named_scope("blocks"):
        return jax.lax.scan(lambda x, scale: (x * scale, None), x, scales)[0]


def test_a_block_is_named_in_both_directions():
    scales = jnp.asarray([1.0, 1e30, 1.0, 1e30])
    forward = find_origin(scaled_blocks, jnp.float32(1.0), scales)
    assert [(loop.step, loop.steps) for loop in forward.loops] == [(3, 4)]
    assert describe_origin(forward).splitlines()[-2:] == [
        "  network    critic",
        "  block      4 of 4",
    ]
    # Backward, the gradient meets the last block first; forward, x is too small to overflow.
    gradient = jax.grad(scaled_blocks)
    backward = find_origin(gradient, jnp.float32(1e-38), scales)
    assert [loop.step for loop in backward.loops] == [1]
    assert "critic, in its gradient" in describe_origin(backward)


def test_what_reaches_no_result_is_no_fault():
    hidden = lambda x: jnp.where(x > 0, 1.0, jnp.log(-x * 0))  # noqa: E731
    assert find_origin(hidden, jnp.float32(1.0)) is None
    mask = lambda x: jax.nn.logsumexp(jnp.where(x > 0, x, -jnp.inf))  # noqa: E731
    assert find_origin(mask, jnp.asarray([1.0, -1.0])) is None
    lost = find_origin(lambda x: jnp.where(x > 0, x, -jnp.inf) * 0, jnp.asarray([1.0, -1.0]))
    assert (lost.operation, lost.result) == ("mul", "nan in 1 of 2 numbers of float32[2]")


def until_large(x):
    return jax.lax.while_loop(lambda x: x < 1e30, lambda x: x * x, x)


def chosen(x):
    return jax.lax.cond(x > 0, lambda x: x / (x - x), lambda x: x, x)


@jax.custom_jvp
def square_root(x):
    return jnp.sqrt(x)


@square_root.defjvp
def _(primals, tangents):
    return square_root(*primals), tangents[0] / (2 * square_root(*primals))


@pytest.mark.parametrize(
    ("function", "x", "operation"),
    [
        (until_large, 1e25, "mul"),
        (chosen, 1.0, "div"),
        (jax.jit(chosen), 1.0, "div"),
        (jax.checkpoint(jnp.log), 0.0, "log"),
        (square_root, -1.0, "sqrt"),
        (jax.grad(square_root), 0.0, "div"),
        (lambda x: jax.vmap(chosen)(x[None]), 1.0, "div"),
    ],
)
def test_operations_inside_of_others(function, x, operation):
    assert find_origin(function, jnp.float32(x)).operation == operation


@pytest.mark.parametrize("pull", [False, True])
def test_blocks_of_a_network_with_kernels_of_its_own(pull):
    line = lambda x: x  # noqa: E731
    build = partial(ResidualMLP, 8, 12, line, normalise=False, kernel="xla", in_size=2, out_size=2)
    network = build(key=jax.random.key(0))
    huge = lambda w: w.at[6:8].set(1e30)  # noqa: E731
    network = eqx.tree_at(lambda n: n.blocks.weights, network, replace_fn=huge)
    value = lambda n: jnp.sum(jax.vmap(n)(jnp.ones((3, 2))))  # noqa: E731
    origin = find_origin(jax.grad(value) if pull else value, network)
    assert [(loop.step, loop.steps) for loop in origin.loops] == [(1, 3)]
