"""The MIT-licensed models inside the installed Gymnasium package, to be edited in memory."""

import importlib.resources

import mujoco


def gymnasium_model(file: str) -> mujoco.MjSpec:
    """One of Gymnasium's MuJoCo models, as it stands.

    Args:
        file: name of an XML file among Gymnasium's assets, such as `ant.xml`.
    """
    assets = importlib.resources.files("gymnasium") / "envs" / "mujoco" / "assets"
    return mujoco.MjSpec.from_string((assets / file).read_text())
