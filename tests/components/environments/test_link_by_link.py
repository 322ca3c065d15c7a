"""The barriers between links are there; that they change nothing is for every robot's tests."""

import jax
import jax.numpy as jnp
import mujoco

from components.environments.physics import Physics

CHAIN = """
<mujoco><worldbody><body><joint/><geom size="0.1"/><body pos="1 0 0"><joint/><geom size="0.1"/>
</body></body></worldbody></mujoco>
"""


def test_each_link_is_worked_out_once():
    physics = Physics(mujoco.MjModel.from_xml_string(CHAIN), 1)
    body = physics.rest(jnp.zeros(2, jnp.float32), jnp.zeros(2, jnp.float32))
    steps = str(jax.make_jaxpr(lambda body: physics.mechanics(body).xpos)(body))
    # One after each level: the world, the first link, the second.
    assert steps.count("optimization_barrier") >= 3
