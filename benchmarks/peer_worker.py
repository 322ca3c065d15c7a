"""Trains one side of `peers.py`, an iteration at each turn: `peer_worker.py SIDE WORK`.

The peers run their own training loops. Between two of their epochs they evaluate; a stand-in for
their evaluator reports the environment steps per second that the loop itself has measured, and
waits for the next turn. Runs under the interpreters of the peers: Python 3.10.
"""

import importlib.metadata
import json
import os
import runpy
import sys
import time
import types
from types import SimpleNamespace

from turns import Turns

REPLAY_ROWS, PREFILL_ROWS = 10_000, 1_000


def main() -> None:
    """Read what to measure, and serve turns until there are no more."""
    side, work = sys.argv[1], SimpleNamespace(**json.loads(sys.argv[2]))
    if work.one_core:
        os.sched_setaffinity(0, {min(os.sched_getaffinity(0))})
    turns = Turns()
    {"ours": train_ours, "scaling-crl": train_scaling_crl, "jaxgcrl": train_jaxgcrl}[side](
        work, turns
    )


def train_ours(work: SimpleNamespace, turns: Turns) -> None:
    """Train as `dsl.run` does, one iteration at each turn."""
    import jax
    from iteration import build_experiment, fill_buffer

    from dsl.training.cpu_devices import use_every_core

    use_every_core()
    experiment = build_experiment(work.envs, work.unroll, work.width, work.batch, work.depth)
    program, loop, state = fill_buffer(experiment)
    state = jax.block_until_ready(loop.run_iterations(state, 1, work.updates))
    turns.reply(read_versions("jax", "mujoco-mjx"))
    while True:
        begun = time.perf_counter()
        state = jax.block_until_ready(loop.run_iterations(state, 1, work.updates))
        seconds = time.perf_counter() - begun
        turns.reply(program.num_envs * program.unroll_length / seconds)


def train_scaling_crl(work: SimpleNamespace, turns: Turns) -> None:
    """Run `train.py` of the checkout, whose path comes first."""
    sys.path.insert(0, work.checkout)
    stand_in = types.ModuleType("evaluator")
    stand_in.CrlEvaluator = reporting_evaluator(turns)
    sys.modules["evaluator"] = stand_in
    settings = {
        "env-id": "ant",
        "num-envs": work.envs,
        "unroll-length": work.unroll,
        "batch-size": work.batch,
        "critic-network-width": work.width,
        "actor-network-width": work.width,
        "critic-depth": work.depth,
        "actor-depth": work.depth,
        "num-sgd-batches-per-training-step": work.updates,
        "max-replay-size": REPLAY_ROWS,
        "min-replay-size": PREFILL_ROWS,
        "num-epochs": work.rounds + 1,
        "total-env-steps": total_env_steps(work),
    }
    flags = [f"--{name}={value}" for name, value in settings.items()]
    sys.argv = ["train.py", *flags, "--no-track", "--no-checkpoint", "--no-capture-vis"]
    os.chdir(work.checkout)
    runpy.run_path("train.py", run_name="__main__")


def train_jaxgcrl(work: SimpleNamespace, turns: Turns) -> None:
    """Run `CRL.train_fn` of the checkout; its depth counts the layer before the blocks too."""
    sys.path.insert(0, work.checkout)
    from jaxgcrl.agents.crl import crl
    from jaxgcrl.utils.config import RunConfig
    from jaxgcrl.utils.env import create_env

    crl.ActorEvaluator = reporting_evaluator(turns)
    agent = crl.CRL(
        batch_size=work.batch,
        max_replay_size=REPLAY_ROWS,
        min_replay_size=PREFILL_ROWS,
        unroll_length=work.unroll,
        h_dim=work.width,
        n_hidden=work.depth + 1,
        skip_connections=4,
        use_ln=True,
    )
    config = RunConfig(
        env="ant",
        num_envs=work.envs,
        num_evals=work.rounds + 1,
        total_env_steps=total_env_steps(work),
        log_wandb=False,
    )
    environments = (create_env("ant"), create_env("ant"))
    agent.train_fn(config, *environments, progress_fn=lambda *_, **__: None)


def read_versions(*packages: str) -> dict[str, str]:
    """Return the version of each package."""
    return {name: importlib.metadata.version(name) for name in packages}


def total_env_steps(work: SimpleNamespace) -> int:
    """Return the steps at which each epoch of a peer is one iteration."""
    return work.envs * (PREFILL_ROWS + (work.rounds + 1) * work.unroll)


def reporting_evaluator(turns: Turns) -> type:
    """Make a stand-in for a peer's evaluator, which takes a turn instead of evaluating."""

    class ReportingEvaluator:
        def __init__(self, *_arguments, **_settings):
            self.compiled = False

        def run_evaluation(self, _training_state, metrics, **_settings):
            # The first epoch compiles.
            versions = read_versions("jax", "brax")
            turns.reply(metrics["training/sps"] if self.compiled else versions)
            self.compiled = True
            return metrics

    return ReportingEvaluator


if __name__ == "__main__":
    main()
