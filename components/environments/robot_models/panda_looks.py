"""The looks of a Panda at a table: shapes that are drawn and touch nothing."""

import mujoco

WHITE = (0.93, 0.94, 0.95, 1)
DARK = (0.22, 0.24, 0.27, 1)
WOOD = (0.72, 0.58, 0.42, 1)
TABLE_HEIGHT = 0.72

# Per body: capsules as (from, to, radius, colour), roughly the shells of the real links.
ARM_SHELLS = {
    "world": (
        ((-0.1, 0, 0.05), (0, 0, 0.05), 0.06, WHITE),
        ((0, 0, 0.06), (0, 0, 0.13), 0.062, WHITE),
    ),
    "link1": (
        ((0, 0, -0.19), (0, 0, -0.13), 0.064, DARK),
        ((0, 0, -0.15), (0, 0, -0.04), 0.06, WHITE),
    ),
    "link2": (
        ((0, 0, -0.06), (0, 0, 0.06), 0.06, WHITE),
        ((0, 0, -0.075), (0, 0, 0.075), 0.05, DARK),
        ((0, -0.02, 0), (0, -0.14, 0), 0.058, WHITE),
    ),
    "link3": (
        ((0, 0, -0.18), (0, 0, -0.13), 0.061, DARK),
        ((0, 0, -0.14), (0, 0, -0.08), 0.058, WHITE),
        ((0, 0, -0.08), (0.0825, 0, 0), 0.054, WHITE),
    ),
    "link4": (
        ((0, 0, -0.055), (0, 0, 0.055), 0.057, WHITE),
        ((0, 0, -0.07), (0, 0, 0.07), 0.047, DARK),
        ((0, 0, 0), (-0.0825, 0.08, 0), 0.054, WHITE),
    ),
    "link5": (
        ((0, 0, -0.3), (0, 0, -0.26), 0.061, DARK),
        ((0, 0, -0.27), (0, 0, -0.2), 0.058, WHITE),
        ((0, 0.02, -0.2), (0, 0.055, -0.05), 0.04, WHITE),
        ((0, 0.055, -0.06), (0, 0.03, 0), 0.045, WHITE),
    ),
    "link6": (
        ((0, 0, -0.05), (0, 0, 0.03), 0.05, WHITE),
        ((0, 0, -0.06), (0, 0, 0.04), 0.042, DARK),
        ((0, 0, 0), (0.088, 0, 0), 0.042, WHITE),
    ),
    "link7": (
        ((0, 0, -0.03), (0, 0, 0.04), 0.045, WHITE),
        ((0, 0, 0.05), (0, 0, 0.075), 0.045, DARK),
    ),
}


def draw_table(spec: mujoco.MjSpec) -> None:
    """Add a wooden table whose top is z = 0, and lower the floor below it."""
    spec.geom("floor").pos = [0, 0, -TABLE_HEIGHT]
    _add_box(spec.worldbody, (0, 0.45, -0.0205), (0.85, 0.75, 0.02), WOOD)
    for x in (-0.8, 0.8):
        for y in (-0.25, 1.15):
            centre = (x, y, -0.04 - (TABLE_HEIGHT - 0.04) / 2)
            _add_box(spec.worldbody, centre, (0.03, 0.03, (TABLE_HEIGHT - 0.04) / 2), WOOD)


def draw_arm(spec: mujoco.MjSpec) -> None:
    """Add the shells of the base and the seven links, if the model has an arm."""
    if spec.body("link7") is None:
        return
    for name, shells in ARM_SHELLS.items():
        for start, end, radius, colour in shells:
            _add_capsule(spec.body(name), start, end, radius, colour)


def draw_hand(spec: mujoco.MjSpec) -> None:
    """Add the shapes of the hand and, if it has any, of its fingers."""
    _add_box(spec.body("hand"), (0, 0, 0.035), (0.032, 0.1, 0.033), WHITE)
    _add_box(spec.body("hand"), (0, 0, 0.064), (0.02, 0.09, 0.005), DARK)
    for side in ("left", "right"):
        finger = spec.body(f"{side}_finger")
        if finger is not None:
            _add_box(finger, (0, 0.0085, 0.038), (0.01, 0.008, 0.04), DARK)


def draw_square(spec: mujoco.MjSpec, x: float, y: float, half: float, colour: tuple) -> None:
    """Add a flat coloured square on the table."""
    _add_box(spec.worldbody, (x, y, 0), (half, half, 0.001), colour)


def draw_rail(spec: mujoco.MjSpec, left: float, right: float, near: float, far: float) -> None:
    """Add a low rail around a rectangle of the table."""
    middle_x, half_x = (left + right) / 2, (right - left) / 2
    middle_y, half_y = (near + far) / 2, (far - near) / 2
    for x in (left, right):
        _add_box(spec.worldbody, (x, middle_y, 0.006), (0.004, half_y, 0.006), DARK)
    for y in (near, far):
        _add_box(spec.worldbody, (middle_x, y, 0.006), (half_x, 0.004, 0.006), DARK)


def _add_box(body: mujoco.MjsBody, centre: tuple, half: tuple, colour: tuple) -> None:
    box = mujoco.mjtGeom.mjGEOM_BOX
    body.add_geom(type=box, pos=centre, size=half, **_untouchable(colour))


def _add_capsule(body: mujoco.MjsBody, start: tuple, end: tuple, radius: float, colour) -> None:
    capsule = mujoco.mjtGeom.mjGEOM_CAPSULE
    fromto = [*start, *end]
    body.add_geom(type=capsule, fromto=fromto, size=[radius, 0, 0], **_untouchable(colour))


def _untouchable(colour: tuple) -> dict:
    return {"rgba": colour, "mass": 0, "contype": 0, "conaffinity": 0}
