"""Barriers between links: where they are; that they change nothing is for every robot's tests."""

import threading

import jax
import jax.numpy as jnp
import mujoco

from components.environments.core.physics import Physics
from components.environments.workarounds.kinematics_barrier import (
    OPT_OUT,
    barriers_between_links,
    has_long_chain,
)

LINK = '<body pos="1 0 0"><joint/><geom size="0.1"/>{}</body>'


def chain(links):
    """Return an arm with this number of links."""
    xml = ""
    for _ in range(links):
        xml = LINK.format(xml)
    return mujoco.MjModel.from_xml_string(f"<mujoco><worldbody>{xml}</worldbody></mujoco>")


def barriers(links):
    """Count the barriers in the kinematics of such an arm."""
    # A function of its own, so that the physics is traced anew and not shared with an equal one.
    physics = Physics(chain(links), 1, lambda model, _: model)
    still = jnp.zeros(links, jnp.float32)
    state = physics.initial_state(still, still)
    steps = str(jax.make_jaxpr(lambda state: physics.compute_kinematics(state).xpos)(state))
    return steps.count("optimization_barrier")


def test_each_link_of_a_long_chain_is_computed_once():
    assert barriers(7) >= 8  # one after each link and the world


def test_short_chains_are_left_to_the_compiler():
    assert barriers(2) == 0


def test_the_barriers_can_be_switched_off(monkeypatch):
    monkeypatch.setenv(OPT_OUT, "1")
    assert barriers(7) == 0


def test_which_chains_are_long():
    assert [has_long_chain(chain(n)) for n in (1, 6, 7, 10)] == [False, False, True, True]


def test_a_thread_that_traces_a_short_chain_gets_no_barriers_of_another():
    counts = []
    with barriers_between_links():
        thread = threading.Thread(target=lambda: counts.append(barriers(2)))
        thread.start()
        thread.join()
    assert counts == [0]


def test_a_thread_keeps_its_barriers_when_another_is_done():
    """The contexts of two threads overlap, and the first to begin ends first."""
    begun, done, counts = threading.Event(), threading.Event(), []

    def trace_second():
        with barriers_between_links():
            begun.set()
            done.wait(60)
            counts.append(barriers(2))

    thread = threading.Thread(target=trace_second)
    with barriers_between_links():
        thread.start()
        assert begun.wait(60)
    done.set()
    thread.join()
    assert counts[0] >= 3
