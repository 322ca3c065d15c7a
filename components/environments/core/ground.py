"""The floor that every robot stands on, and the light in which it is drawn."""

import mujoco


def add_floor(spec: mujoco.MjSpec, conaffinity: int = 0) -> None:
    """Add an endless floor at z = 0, chequered in squares of 1 m, under an even light.

    Args:
        spec: the model.
        conaffinity: contact bits of the geoms that the floor carries; by default none.
    """
    spec.add_texture(
        name="chequers",
        type=mujoco.mjtTexture.mjTEXTURE_2D,
        builtin=mujoco.mjtBuiltin.mjBUILTIN_CHECKER,
        rgb1=[0.87, 0.87, 0.84],
        rgb2=[0.76, 0.77, 0.75],
        width=300,
        height=300,
    )
    material = spec.add_material(name="chequers", texuniform=True, texrepeat=[1, 1])
    material.textures[mujoco.mjtTextureRole.mjTEXROLE_RGB] = "chequers"
    spec.worldbody.add_geom(
        name="floor",
        type=mujoco.mjtGeom.mjGEOM_PLANE,
        size=[0, 0, 5],
        material="chequers",
        rgba=[1, 1, 1, 1],
        contype=0,
        conaffinity=conaffinity,
        condim=3,
        friction=[1, 0.5, 0.5],
    )
    spec.visual.headlight.ambient = [0.45, 0.45, 0.45]
    spec.visual.headlight.diffuse = [0.4, 0.4, 0.4]
    spec.visual.headlight.specular = [0, 0, 0]
