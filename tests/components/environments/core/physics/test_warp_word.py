"""Settings that physics.Warp refuses, with or without its package."""

import importlib.util

import mujoco
import pytest

from components.constraints import SettingError
from components.environments.core.physics.engine import Robot
from components.environments.core.physics.warp import Warp

MODEL = mujoco.MjModel.from_xml_string("<mujoco/>")
WITH_ALL_WALLS = mujoco.MjModel.from_xml_string("<mujoco/>")


def robot(whole=MODEL, update_model=None):
    return Robot(MODEL, whole, 1, update_model)


def pretend_installed(monkeypatch, spec):
    monkeypatch.setattr(importlib.util, "find_spec", lambda name: {"warp": spec}[name])


def test_a_missing_package_is_named_with_the_extra_that_installs_it(monkeypatch):
    pretend_installed(monkeypatch, None)
    assert Warp().problem(robot(), "gpu") == (
        "is physics.Warp, which needs the package warp-lang (pip install 'kilolayer[warp]'). "
        "Use physics.MJX."
    )


@pytest.mark.parametrize(
    ("robot", "platform", "problem"),
    [
        (robot(), "cpu", None),
        (robot(), "gpu", None),
        (robot(WITH_ALL_WALLS, abs), "cpu", None),
        (robot(), "tpu", "runs on NVIDIA GPUs and on CPUs; this is a tpu."),
        (robot(update_model=abs), "cpu", "needs a model with all walls, which the task does not"),
    ],
)
def test_devices_and_robots_that_it_cannot_simulate_are_refused(
    robot, platform, problem, monkeypatch
):
    pretend_installed(monkeypatch, "a specification")
    found = Warp().problem(robot, platform)
    assert found is None if problem is None else problem in found


@pytest.mark.parametrize("setting", ["max_contacts", "max_constraints"])
def test_a_size_is_at_least_one(setting):
    with pytest.raises(SettingError, match=f"^{setting} is 0"):
        Warp(**{setting: 0})
