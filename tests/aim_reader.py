"""What an Aim repository holds, read by Aim itself in a process of its own."""

import json
import subprocess
import sys
from importlib.util import find_spec

import pytest

needs_aim = pytest.mark.skipif(find_spec("aim") is None, reason="Aim needs Python 3.11 or 3.12")

# `aim up` indexes new runs, without which the SDK does not find them.
_READ = r"""
import json, sys, warnings
warnings.simplefilter("ignore")
import aim
from aim.sdk.index_manager import RepoIndexManager
from aim.storage.context import Context
repo = aim.Repo(sys.argv[1])
for name in repo.list_all_runs():
    RepoIndexManager.get_index_manager(repo).index(name)
(run,) = repo.iter_runs()
def metric(name, context):
    steps, (values, epochs, _) = run.get_metric(name, context).data.numpy()
    return [steps.tolist(), values.tolist(), epochs.tolist()]
def last(kind, name):
    sequence = getattr(run, f"get_{kind}_sequence")(name, Context({}))
    step, (value, *_) = list(sequence.data.items())[-1]
    return step, value
step, image = last("image", "rollout")
film_step, film = last("image", "rollout.gif")
film = film.to_pil_image()
print(json.dumps({
    "hash": run.hash, "name": run.name, "experiment": run.experiment, "active": run.active,
    "times": [run.creation_time, run.end_time],
    "hparams": run["hparams"], "macros": run["macros"],
    "metrics": {name + " " + json.dumps(context.to_dict(), sort_keys=True): metric(name, context)
                for name, context, _ in run.iter_metrics_info()},
    "texts": {name: last("text", name)[1].data for name in ("config.gin", "operative.gin")},
    "image": [image.width, image.height, step],
    "film": [film.n_frames, film.info["duration"], film.info["loop"], film_step],
}))
"""


def read_aim(root):
    """The one run of the repository in a folder; fails where there are several."""
    command = [sys.executable, "-c", _READ, str(root)]
    return json.loads(subprocess.run(command, capture_output=True, check=True).stdout)
