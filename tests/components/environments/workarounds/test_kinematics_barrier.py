"""The barriers between links are there; that they change nothing is for every robot's tests."""

import jax
import jax.numpy as jnp
import mujoco

from components.environments.core.physics import Physics
from components.environments.workarounds.kinematics_barrier import has_long_chain

LINK = '<body pos="1 0 0"><joint/><geom size="0.1"/>{}</body>'


def chain(links):
    """An arm of so many links."""
    xml = ""
    for _ in range(links):
        xml = LINK.format(xml)
    return mujoco.MjModel.from_xml_string(f"<mujoco><worldbody>{xml}</worldbody></mujoco>")


def barriers(links):
    """How many are in the kinematics of such an arm."""
    physics = Physics(chain(links), 1)
    still = jnp.zeros(links, jnp.float32)
    state = physics.initial_state(still, still)
    steps = str(jax.make_jaxpr(lambda state: physics.compute_kinematics(state).xpos)(state))
    return steps.count("optimization_barrier")


def test_each_link_of_a_long_chain_is_worked_out_once():
    assert barriers(7) >= 8  # one after each link and the world


def test_short_chains_are_left_to_the_compiler():
    assert barriers(6) == 0


def test_which_chains_are_long():
    assert [has_long_chain(chain(n)) for n in (1, 6, 7, 10)] == [False, False, True, True]
