import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import matplotlib.image
import numpy as np
import PIL.Image
import pytest
from aim_reader import needs_aim, read_aim

from dsl.records.metrics_log import MetricsLog
from dsl.records.run_folder import RunFolder
from dsl.tracking.aim_tracker import AimError, AimTracker

ROOT = Path(__file__).resolve().parents[3]
DESCRIPTION = {
    "name": "quickstart",
    "config": "SEED = 7\n",
    "operative": "SEED = 7\nWIDTH = 64\n",
    "macros": {"SEED": 7},
    "hyperparameters": {"critic": {"network": {"depth": 1024, "activation": "activation.swish"}}},
    "environment": {},
}

# Stands in for Aim: notes in the file `calls` beside itself what is asked of it.
_FAKE = """
from pathlib import Path
def note(*call):
    with open(Path(__file__).with_name("calls"), "a") as file:
        print(*call, file=file)
Text = Image = str
class Run(dict):
    hash = "0123"
    def __init__(self, repo, **_): note("run", Path(repo).name)
    def track(self, value, name, step, epoch=None, context=None): note("track", name, step)
    def close(self): note("close")
"""

# Loaded by every Python process below: a connection to anywhere ends it with status 99.
_NO_NETWORK = """
import os, sys
def refuse(event, arguments):
    if event in ("socket.connect", "socket.getaddrinfo", "socket.sendto"):
        if event == "socket.getaddrinfo" or isinstance(arguments[1], tuple):
            os._exit(99)
sys.addaudithook(refuse)
"""


@pytest.fixture
def folder(tmp_path):
    with RunFolder.open(tmp_path / "runs" / "quickstart-001") as run:
        run.describe(**DESCRIPTION)
        yield run.path


@pytest.fixture
def record(folder):
    record = MetricsLog(folder)
    yield record
    record.close()


@pytest.fixture
def fake(tmp_path, monkeypatch):
    """Puts another module in Aim's place; returns a function that reads what it was asked."""
    monkeypatch.setenv("PYTHONPATH", str(tmp_path / "fake"))

    def install(source=_FAKE):
        (tmp_path / "fake").mkdir()
        (tmp_path / "fake" / "aim.py").write_text(source)
        return lambda: _lines(tmp_path / "fake" / "calls")

    return install


def _lines(path: Path) -> list[str]:
    return path.read_text().splitlines() if path.exists() else []


def _film(path: Path) -> None:
    """Two frames, a tenth of a second each, for ever."""
    first, second = (PIL.Image.new("L", (4, 3), colour) for colour in (0, 200))
    first.save(path, save_all=True, append_images=[second], duration=100, loop=0)


def _wait_for(condition, seconds=20.0):
    end = time.monotonic() + seconds
    while not condition():
        assert time.monotonic() < end, "did not happen in time"
        time.sleep(0.05)


@needs_aim
def test_real_aim_holds_the_whole_run(folder, record, tmp_path, monkeypatch):
    (tmp_path / "sitecustomize.py").write_text(_NO_NETWORK)
    monkeypatch.setenv("PYTHONPATH", str(tmp_path))
    monkeypatch.setenv("PYTHONWARNINGS", "error")
    view = AimTracker(folder)
    record.log({"env_steps": 50, "updates": 5, "epoch": 1, "train/critic_loss": 2.5})
    last = {"train/critic_loss": float("nan"), "train/deep/loss": 1, "eval/success_rate": 0.5}
    record.log({"env_steps": 3_000_000_000, "updates": 10, "epoch": 2, **last})
    matplotlib.image.imsave(tmp_path / "drawn.png", np.zeros((3, 4)))
    record.picture("rollout", tmp_path / "drawn.png")
    _film(tmp_path / "drawn.gif")
    record.picture("rollout", tmp_path / "drawn.gif")
    view.close()
    monkeypatch.delenv("PYTHONWARNINGS")
    found = read_aim(folder.parent)
    assert found.pop("hash")
    start, end = found.pop("times")
    assert start < end
    assert found == {
        "name": "quickstart-001",
        "experiment": "quickstart",
        "active": False,
        "hparams": DESCRIPTION["hyperparameters"],
        "macros": {"SEED": 7},
        "metrics": {
            "updates {}": [[50, 3_000_000_000], [5.0, 10.0], [1, 2]],
            'critic_loss {"subset": "train"}': [[50], [2.5], [1]],
            'loss {"learner": "deep", "subset": "train"}': [[3_000_000_000], [1.0], [2]],
            'success_rate {"subset": "eval"}': [[3_000_000_000], [0.5], [2]],
        },
        "texts": {"config.gin": "SEED = 7\n", "operative.gin": "SEED = 7\nWIDTH = 64\n"},
        "image": [4, 3, 3_000_000_000],
        "film": [2, 100, 0, 3_000_000_000],
    }
    assert not (folder / "aim.log").exists()


def test_epochs_reach_aim_while_the_run_goes_on(folder, record, fake):
    calls = fake()
    view = AimTracker(folder)
    record.log({"env_steps": 50, "epoch": 1, "train/a": 1.0})
    _wait_for(lambda: "track a 50" in calls())
    record.log({"env_steps": 100, "epoch": 2, "train/a": 1.0})
    _wait_for(lambda: "track a 100" in calls())
    view.log({})
    assert "close" not in calls()
    view.close()
    assert calls() == [
        *("run runs", "track config.gin 0", "track operative.gin 0"),
        *("track a 50", "track a 100", "close"),
    ]


def test_runs_of_one_process_are_followed_side_by_side(folder, record, fake):
    calls = fake()
    with RunFolder.open(folder.parent / "quickstart-002") as run:
        run.describe(**DESCRIPTION)
        other = MetricsLog(run.path)
        view = AimTracker(folder, run.path)
        record.log({"env_steps": 50, "epoch": 1, "train/a": 1.0})
        other.log({"env_steps": 60, "epoch": 1, "train/a": 1.0})
        _wait_for(lambda: {"track a 50", "track a 60"} <= set(calls()))
        view.close()
        other.close()
    assert calls().count("close") == 2


@pytest.mark.parametrize(
    ("source", "reason"),
    [
        (
            "raise ModuleNotFoundError(name='aim')",
            "aim is not installed (pip install aim, which needs Python 3.11 or 3.12).",
        ),
        (
            "def Run(**_): raise RuntimeError('bad\\nrepository')",
            "{0}/.aim cannot be written (RuntimeError: bad). If it is damaged: "
            "python -m dsl.track --rebuild {0}",
        ),
        ("import os; os._exit(1)", "ended with status 1; {}/aim.log is empty."),
        ("import os; os.abort()", "ended with status -6; {}/aim.log is empty."),
        (
            "print('lost', flush=True); import os; os.abort()",
            "ended with status -6; see {}/aim.log.",
        ),
    ],
)
def test_aim_that_fails_says_why(folder, record, fake, source, reason):
    fake(source)
    view = AimTracker(folder)
    record.log({"env_steps": 1, "epoch": 1})
    _wait_for(lambda: view._process.poll() is not None)
    with pytest.raises(AimError) as caught:
        view.log({})
    place = folder if "status" in reason else folder.parent
    assert str(caught.value) == reason.format(place)


def test_aim_that_hangs_is_given_up(folder, record, fake):
    fake("import time; time.sleep(60)")
    view = AimTracker(folder, closing_seconds=0.5)
    record.log({"env_steps": 1, "epoch": 1})
    view.log({})
    with pytest.raises(AimError, match=r"did not finish within 0\.5 seconds"):
        view.close()
    assert view._process.returncode == -signal.SIGKILL


_TRAIN = """
import sys, time
from pathlib import Path
from dsl.tracking.aim_tracker import AimTracker
view = AimTracker(Path(sys.argv[1]))
print(view._process.pid, flush=True)
time.sleep(60)
"""


def test_aim_is_closed_properly_after_a_run_that_was_killed(folder, record, fake):
    calls = fake()
    command = [sys.executable, "-c", _TRAIN, str(folder)]
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True) as run:
        assert run.stdout is not None
        follower = int(run.stdout.readline())
        _wait_for(lambda: "track operative.gin 0" in calls())
        for number in (signal.SIGINT, signal.SIGTERM):
            os.kill(follower, number)
        record.log({"env_steps": 50, "epoch": 1, "train/a": 1.0})
        _wait_for(lambda: "track a 50" in calls())
        run.kill()
    _wait_for(lambda: "close" in calls())


def test_tracking_is_light_and_does_not_import_aim():
    code = "import sys, dsl.tracking; print([m for m in ('aim', 'jax', 'gin') if m in sys.modules])"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout == "[]\n"
