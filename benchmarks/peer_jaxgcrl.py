"""One update step here against that of `jaxgcrl`: same networks, batch and width.

    python3 -m venv peer
    peer/bin/pip install --no-deps jaxgcrl==0.2.8
    peer/bin/pip install 'jax==0.4.25' 'jaxlib==0.4.25' 'flax==0.8.4' 'brax==0.12.1' \\
        'mujoco==3.2.7' 'mujoco-mjx==3.2.7' 'numpy<2' 'tyro==0.9.16' wandb wandb-osh matplotlib
    python benchmarks/peer_jaxgcrl.py --peer-python peer/bin/python

Critic, actor and temperature on one batch of the ant's sizes, LayerNorm in every layer, a skip over
four. Both sides take turns, in processes of their own: free on all cores, and pinned to one. The
table gives milliseconds of an update, medians over the rounds, and the median over rounds of the
peer's better time by ours; MiB are what our compiled step needs beside its arguments (the peer's
jaxlib does not say); compile seconds are ours, then the peer's.

The peer compiles in minutes at depth 16, and in half a minute where LLVM leaves out some passes,
which costs its update nothing: --peer-xla-flags=--xla_llvm_disable_expensive_passes=true. At depth
64 it had not compiled after 13 minutes of processor time.
"""

import argparse
import os
import statistics
import sys
import time
from pathlib import Path

from turns import Turns, Worker

ROOT = Path(__file__).resolve().parents[1]
STATE, GOAL, ACTION, EMBEDDING, WIDTH = 29, 2, 8, 64, 256
# Updates per timed call take about this long.
SECONDS_PER_CALL = 1.0


def main() -> None:
    """Measure, and print a table."""
    arguments = _arguments()
    if arguments.child:
        serve_turns(arguments.child, arguments.depths[0], arguments.batches[0])
        return
    print("| depth | batch | here | MiB | jaxgcrl, free | one core | ratio | compile s |")
    print("| ---: | ---: | ---: | ---: | ---: | ---: | ---: | ---: |")
    for batch in arguments.batches:
        for depth in arguments.depths:
            print(_row(depth, batch, arguments), flush=True)


def _row(depth: int, batch: int, arguments) -> str:
    peer = (arguments.peer_python, "jaxgcrl", depth, batch, arguments.peer_xla_flags)
    sides = {
        "here": _start(sys.executable, "here", depth, batch, os.environ.get("XLA_FLAGS", "")),
        "free": _start(*peer),
        "pinned": _start(*peer, "taskset", "-c", "0"),
    }
    built = {name: side.answer() for name, side in sides.items()}
    rounds = [
        {name: side.take_turn() for name, side in sides.items()} for _ in range(arguments.rounds)
    ]
    for side in sides.values():
        side.close()
    ms = {name: 1e3 * statistics.median(turn[name] for turn in rounds) for name in sides}
    ratio = statistics.median(min(t["free"], t["pinned"]) / t["here"] for t in rounds)
    compiling = f"{built['here']['compile']:.0f}, {built['free']['compile']:.0f}"
    return (
        f"| {depth} | {batch} | {ms['here']:.0f} ms | {built['here']['mib']:.0f} "
        f"| {ms['free']:.0f} ms | {ms['pinned']:.0f} ms "
        f"| {ratio:.2f} | {compiling} |"
    )


def _start(python, side: str, depth: int, batch: int, flags: str, *prefix: str) -> Worker:
    command = [*prefix, str(python), __file__, "--child", side]
    command += ["--depths", str(depth), "--batches", str(batch)]
    path = str(ROOT) if side == "here" else ""
    return Worker(side, command, {**os.environ, "PYTHONPATH": path, "XLA_FLAGS": flags})


def serve_turns(side: str, depth: int, batch: int) -> None:
    """Compile one side's update, say what that took, and time calls when asked."""
    import jax

    turns = Turns()
    step, state = {"here": _ours, "jaxgcrl": _peers}[side](depth, batch)
    begun = time.perf_counter()
    compiled = jax.jit(step).lower(state).compile()
    seconds = time.perf_counter() - begun
    mib = compiled.memory_analysis().temp_size_in_bytes / 2**20
    state = jax.block_until_ready(compiled(state))
    begun = time.perf_counter()
    state = jax.block_until_ready(compiled(state))
    count = max(1, round(SECONDS_PER_CALL / (time.perf_counter() - begun)))
    message = {"compile": seconds, "mib": mib}
    while True:
        turns.reply(message)
        begun = time.perf_counter()
        for _ in range(count):
            state = compiled(state)
        jax.block_until_ready(state)
        message = (time.perf_counter() - begun) / count


def _ours(depth: int, batch: int):
    """Return the update of the shipped experiment on a made-up batch, and its state."""
    import equinox as eqx
    import jax

    from components.env_dims import EnvDims
    from components.replay.batch import Batch
    from dsl.language.configuration import load
    from dsl.training.build import build

    settings = [
        f"CRITIC_DEPTH={depth}",
        f"ACTOR_DEPTH={depth}",
        "Experiment.environment=@env.Ant()",
    ]

    (learner,) = build(load(ROOT / "experiments/ant_maze_1024.gin", settings)).learners.values()
    state = learner.init(EnvDims(STATE, GOAL, ACTION), jax.random.key(0))
    arrays, static = eqx.partition(state, eqx.is_array)
    data = Batch(*_data(batch))

    def step(arrays):
        new, _ = learner.update(eqx.combine(arrays, static), data, jax.random.key(1))
        return eqx.filter(new, eqx.is_array)

    return step, arrays


def _data(batch: int):
    """Draw the arrays of a batch, in the order of its names."""
    import jax

    keys = jax.random.split(jax.random.key(2), 7)
    sizes = ((STATE,), (ACTION,), (STATE,), (GOAL,), (GOAL,), (), ())
    return [jax.random.uniform(k, (batch, *size)) for k, size in zip(keys, sizes, strict=True)]


def _peers(depth: int, batch: int):
    """Return the update of the peer's own functions on a made-up batch, and its state."""
    import jax
    import jax.numpy as jnp
    from jaxgcrl.agents.crl.crl import Transition
    from jaxgcrl.agents.crl.losses import update_actor_and_alpha, update_critic

    networks, state = _peer_networks(depth)
    config = {"state_size": STATE, "goal_indices": (0, 1), "energy_fn": "norm"}
    config |= {"contrastive_loss_fn": "fwd_infonce", "logsumexp_penalty_coeff": 0.1}
    config |= {"target_entropy": -0.5 * ACTION}
    states, actions, futures, goals, *_ = _data(batch)
    data = Transition(
        observation=jnp.concatenate([states, goals], axis=1),
        action=actions,
        reward=(),
        discount=(),
        extras={"future_state": futures},
    )
    key = jax.random.PRNGKey(0)

    def step(state):
        state, _ = update_actor_and_alpha(config, networks, data, state, key)
        return update_critic(config, networks, data, state, key)[0]

    return step, state


def _peer_networks(depth: int):
    """Initialise the peer's networks; its depth counts the layer before the blocks too."""
    import flax.linen as nn
    import jax
    import jax.numpy as jnp
    import numpy as np
    import optax
    from flax.training.train_state import TrainState
    from jaxgcrl.agents.crl.crl import TrainingState
    from jaxgcrl.agents.crl.networks import Actor, Encoder

    shape = {"network_width": WIDTH, "network_depth": depth + 1, "skip_connections": 4}
    actor = Actor(action_size=ACTION, use_ln=True, **shape)
    names = ("sa_encoder", "g_encoder")
    encoders = {name: Encoder(repr_dim=EMBEDDING, use_ln=True, **shape) for name in names}
    key = jax.random.PRNGKey(0)
    inputs = {"sa_encoder": STATE + ACTION, "g_encoder": GOAL}
    critic = {n: e.init(key, np.ones([1, inputs[n]])) for n, e in encoders.items()}

    def trained(params):
        return TrainState.create(apply_fn=nn.tanh, params=params, tx=optax.adam(3e-4))

    state = TrainingState(
        env_steps=jnp.zeros(()),
        gradient_steps=jnp.zeros(()),
        actor_state=trained(actor.init(key, np.ones([1, STATE + GOAL]))),
        critic_state=trained(critic),
        alpha_state=trained({"log_alpha": jnp.zeros(())}),
    )
    return {"actor": actor, **encoders}, state


def _arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--peer-python", type=Path, help="interpreter that has jaxgcrl")
    parser.add_argument("--peer-xla-flags", default="", metavar="FLAGS", help="see above")
    parser.add_argument("--depths", type=int, nargs="+", default=[4, 16])
    parser.add_argument("--batches", type=int, nargs="+", default=[256, 512])
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--child", choices=["here", "jaxgcrl"], help=argparse.SUPPRESS)
    return parser.parse_args()


if __name__ == "__main__":
    main()
