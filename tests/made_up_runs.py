"""Run folders as a run leaves them, with numbers of the test's own choice."""

import json
from pathlib import Path

SETTINGS = {
    "Experiment.environment": "env.PointMaze",
    "Experiment.eval_environment": None,
    "Experiment.batch_size": 256,
    "Experiment.num_envs": 128,
    "Experiment.film": True,
    "env.PointMaze.word": "PointMaze",
    "env.PointMaze.layout": "u_maze",
    "env.PointMaze.episode_length": 100,
    "network.actor.word": "ResidualMLP",
    "network.actor.width": 64,
    "network.actor.depth": 4,
    "network.critic.word": "ResidualMLP",
    "network.critic.width": 64,
    "network.critic.depth": 4,
}


def make_run(folder, scores, *, seed=0, name="mine", left=0, every=1000, **changes):
    """A run that scored `scores`, an evaluation each `every` steps, the first one untrained.

    So many evaluations are `left` until its end.

    Settings are named with `__` in place of dots: `network__critic__depth=16`. A score may also be
    a dict of metrics.
    """
    folder = Path(folder)
    folder.mkdir(parents=True)
    changes = {path.replace("__", "."): value for path, value in changes.items()}
    total = {"Experiment.total_env_steps": every * (len(scores) - 1 + left)}
    settings = {**SETTINGS, **total, "Experiment.seed": seed, **changes}
    described = {"name": name, "macros": {"SEED": seed}, "hyperparameters": _nested(settings)}
    (folder / "experiment.json").write_text(json.dumps(described))
    for file in ("config.gin", "operative.gin"):
        (folder / file).write_text("# nothing\n")
    lines = [
        {"epoch": epoch, "env_steps": every * epoch, **_metrics(score)}
        for epoch, score in enumerate(scores)
    ]
    (folder / "metrics.jsonl").write_text("".join(json.dumps(line) + "\n" for line in lines))
    return folder


def _metrics(score):
    return score if isinstance(score, dict) else {"eval/time_at_goal": score}


def _nested(settings):
    tree = {}
    for path, value in settings.items():
        *place, last = path.split(".")
        node = tree
        for name in place:
            node = node.setdefault(name, {})
        node[last] = value
    return tree
