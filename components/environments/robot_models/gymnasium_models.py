"""The MIT-licensed models inside the installed Gymnasium package, for editing in memory."""

import importlib.resources

import mujoco


def gymnasium_model(file: str) -> mujoco.MjSpec:
    """Return one of Gymnasium's MuJoCo models unchanged.

    Args:
        file: name of an XML file among Gymnasium's assets, such as `ant.xml`.
    """
    assets = importlib.resources.files("gymnasium") / "envs" / "mujoco" / "assets"
    return mujoco.MjSpec.from_string((assets / file).read_text())
