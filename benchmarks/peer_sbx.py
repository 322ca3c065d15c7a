"""SAC and TD3 here against those of `sbx-rl`, on the point mass in the u-maze.

    python3 -m venv peer
    peer/bin/pip install sbx-rl jaxtyping equinox jumanji 'jax<0.11' mujoco mujoco-mjx gymnasium
    python benchmarks/peer_sbx.py --peer-python peer/bin/python --out runs/peer_sbx

The peer sees the same task through Jumanji's own Gym wrapper, one environment after the other, as
it knows it; both sides have the same number of environment steps and of updates, batches of 256,
five hidden layers of 64, Adam at 3e-4, discount 0.98, tau 0.005, and goals as commanded. Each is
scored without exploration on 128 fresh episodes. Prints success and time at goal per seed.
"""

import argparse
import json
import os
import statistics
import subprocess
import sys
from pathlib import Path

ROOT = Path(__file__).resolve().parents[1]
STEPS, STEPS_PER_UPDATE, EPISODE_LENGTH, EPISODES = 128_000, 8, 150, 128
NUM_ENVS, UNROLL, FILL = 8, 20, 400
DISCOUNT, LEARNING_RATE, WIDTH, LAYERS = 0.98, 3e-4, 64, 5
ALGORITHMS = ("sac", "td3")


def main() -> None:
    """Run both sides, seed by seed, and print a table."""
    arguments = _arguments()
    if arguments.child:
        print(json.dumps(train_peer(arguments.child, arguments.seeds[0])))
        return
    print("| algorithm | side | success rate | steps at goal |")
    print("| --- | --- | --- | --- |")
    for algorithm in arguments.algorithms:
        for side, run in (("here", _ours), ("sbx-rl", _peers)):
            scores = [run(algorithm, seed, arguments) for seed in arguments.seeds]
            columns = [_column(s[i] for s in scores) for i in (0, 1)]
            print(f"| {algorithm} | {side} | {' | '.join(columns)} |", flush=True)


def _column(values) -> str:
    values = list(values)
    return f"{statistics.mean(values):.2f} ({', '.join(f'{v:.2f}' for v in values)})"


def _ours(algorithm: str, seed: int, arguments) -> tuple[float, float]:
    """Return final success rate and time at goal of a run of `dsl.run`."""
    folder = arguments.out / f"{algorithm}_{seed}"
    if not folder.exists():
        subprocess.run(_our_command(algorithm, seed, folder), cwd=ROOT, check=True)
    last = json.loads((folder / "metrics.jsonl").read_text().splitlines()[-1])
    return last["eval/success_rate"], last["eval/time_at_goal"]


def _our_command(algorithm: str, seed: int, folder: Path) -> list[str]:
    settings = {
        "SEED": seed,
        "NUM_ENVS": NUM_ENVS,
        "TOTAL_ENV_STEPS": STEPS - NUM_ENVS * FILL,
        "WIDTH": WIDTH,
        "ACTOR_DEPTH": LAYERS - 1,
        "CRITIC_DEPTH": LAYERS - 1,
        "Experiment.unroll_length": UNROLL,
        "Experiment.updates_per_iteration": NUM_ENVS * UNROLL // STEPS_PER_UPDATE,
        "Experiment.prefill_steps": FILL,
        "Experiment.eval_episodes": EPISODES,
        "buffer.TrajectoryBuffer.capacity": STEPS // NUM_ENVS + 1,
    }
    if algorithm == "sac":  # the peer's target entropy is minus the number of motors
        settings["temperature.TunedTemperature.target_entropy_per_dimension"] = -1.0
    file = ROOT / "experiments" / "point_u_maze" / f"{algorithm}.gin"
    pairs = [f"{name}={value}" for name, value in settings.items()]
    command = [sys.executable, "-m", "dsl.run", str(file), "--out", str(folder), "--set", *pairs]
    return ["taskset", "-c", "0", *command]


def _peers(algorithm: str, seed: int, arguments) -> tuple[float, float]:
    """Return those of the peer, trained in its own environment and kept in a file."""
    kept = arguments.out / f"sbx_{algorithm}_{seed}.json"
    if not kept.exists():
        command = ["taskset", "-c", "0", str(arguments.peer_python), __file__]
        command += ["--child", algorithm, "--seeds", str(seed)]
        environment = {**os.environ, "PYTHONPATH": str(ROOT)}
        done = subprocess.run(command, env=environment, check=True, stdout=subprocess.PIPE)
        kept.parent.mkdir(parents=True, exist_ok=True)
        kept.write_text(done.stdout.decode().splitlines()[-1])
    return tuple(json.loads(kept.read_text()))


def train_peer(algorithm: str, seed: int) -> tuple[float, float]:
    """Train the peer's agent; return success rate and time at goal."""
    import numpy as np
    import sbx
    from gymnasium.wrappers import FlattenObservation
    from jumanji.wrappers import JumanjiToGymWrapper
    from stable_baselines3.common.noise import NormalActionNoise

    from components.environments.tasks.point import point_maze

    task = point_maze("u_maze", EPISODE_LENGTH)
    common = {
        "learning_rate": LEARNING_RATE,
        "batch_size": 256,
        "gamma": DISCOUNT,
        "tau": 0.005,
        "train_freq": STEPS_PER_UPDATE,
        "gradient_steps": 1,
        "learning_starts": NUM_ENVS * FILL,
        "buffer_size": STEPS,
        "policy_kwargs": {"net_arch": [WIDTH] * LAYERS},
        "seed": seed,
    }
    if algorithm == "td3":
        common["action_noise"] = NormalActionNoise(np.zeros(2), 0.4 * np.ones(2))
    env = FlattenObservation(JumanjiToGymWrapper(task, seed))
    model = {"sac": sbx.SAC, "td3": sbx.TD3}[algorithm]("MlpPolicy", env, **common)
    model.learn(STEPS)
    return score_policy(task, lambda observation: model.predict(observation, deterministic=True)[0])


def score_policy(task, policy) -> tuple[float, float]:
    """Play fresh episodes; return success rate and time at goal."""
    import jax
    import jax.numpy as jnp
    import numpy as np

    state, timestep = jax.vmap(task.reset)(jax.random.split(jax.random.key(7), EPISODES))
    step = jax.jit(jax.vmap(task.step))
    inside = np.zeros((task.episode_length, EPISODES), bool)
    for t in range(task.episode_length):
        goal, body = timestep.observation.goal, timestep.observation.state
        # The Gym wrapper flattens its dict in the order of the names: goal, then state.
        actions = policy(np.concatenate([goal, body], axis=1))
        state, timestep = step(state, jnp.asarray(actions))
        inside[t] = timestep.extras["success"]
    return float(inside.any(axis=0).mean()), float(inside.sum(axis=0).mean())


def _arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    parser.add_argument("--peer-python", type=Path, help="interpreter that has sbx-rl")
    parser.add_argument("--out", type=Path, default=Path("runs/peer_sbx"))
    parser.add_argument("--seeds", type=int, nargs="+", default=[0, 1, 2])
    parser.add_argument("--algorithms", nargs="+", default=ALGORITHMS, choices=ALGORITHMS)
    parser.add_argument("--child", choices=ALGORITHMS, help=argparse.SUPPRESS)
    return parser.parse_args()


if __name__ == "__main__":
    main()
