"""A model that an engine copies is read-only; `Task.with_model` changes gear, mass or friction."""

import copy
import pickle
from dataclasses import replace
from functools import partial

import jax
import jax.numpy as jnp
import mujoco
import numpy as np
import pytest

from components.environments.core.edited_model import edit_copy, model_digest
from components.environments.core.goal_environment import GoalEnvironment
from components.environments.core.physics import Physics
from components.environments.core.task import Control

REST = jnp.zeros(1, jnp.float32)
FULL = jnp.ones(1, jnp.float32)


def halve_gear(model):
    model.actuator_gear[:] *= 0.5


def double_mass(model):
    model.body_mass[:] *= 2


@pytest.fixture
def own_task(bead):
    """The bead with a model that no other test has."""
    model = copy.copy(bead.task.physics.model)
    return replace(bead.task, physics=Physics(model, 1), scene=model)


def velocity(task):
    """Return the bead's velocity after one step of full force, from rest."""
    physics = task.physics
    return float(physics.apply_control(physics.initial_state(REST, REST), FULL).qvel[0])


@pytest.mark.parametrize("name", ["actuator_gear", "body_mass", "geom_friction", "dof_damping"])
def test_arrays_of_a_copied_model_cannot_be_written(own_task, name):
    with pytest.raises(ValueError, match="read-only"):
        getattr(own_task.physics.model, name)[:] = 1
    with pytest.raises(ValueError, match="read-only"):
        own_task.physics.model.opt.gravity[:] = 0


def test_a_physics_that_was_pickled_is_read_only_too(own_task):
    physics = pickle.loads(pickle.dumps(own_task.physics))
    with pytest.raises(ValueError, match="read-only"):
        physics.model.body_mass[:] = 1


@pytest.mark.parametrize("part", ["name", "option"])
def test_a_change_that_would_have_no_effect_is_refused(own_task, part):
    """MuJoCo's bindings let names and options be written; the next program does not."""
    model = own_task.physics.model
    state = own_task.physics.initial_state(REST, REST)
    if part == "name":
        model.joint("x").damping[:] = 9
    else:
        model.opt.timestep = 0.05
    with pytest.raises(ValueError, match=r"no effect; make a changed task with task\.with_model"):
        own_task.physics.apply_control(state, FULL)
    with pytest.raises(ValueError, match="with_model"):
        own_task.physics.compute_kinematics(state)


def test_an_edit_changes_the_motion_and_the_scene_but_not_the_first_task(own_task):
    before = velocity(own_task)
    weak, heavy = own_task.with_model(halve_gear), own_task.with_model(double_mass)
    np.testing.assert_allclose(
        [velocity(weak), velocity(own_task)], [before / 2, before], rtol=1e-5
    )
    assert heavy.physics.model.body_mass[1] == 2
    # A constant that MuJoCo derives from the mass.
    assert heavy.physics.model.body_subtreemass[1] == 2
    assert weak.scene is weak.physics.model
    assert own_task.physics.model.actuator_gear[0, 0] == 10


def test_another_scene_is_edited_too(own_task):
    scene = mujoco.MjModel.from_xml_string("<mujoco><worldbody><body/></worldbody></mujoco>")
    edited = replace(own_task, scene=scene).with_model(
        lambda model: model.body_pos.__setitem__((1, 0), 3)
    )
    assert edited.scene is not edited.physics.model
    assert edited.scene.body_pos[1, 0] == edited.physics.model.body_pos[1, 0] == 3
    assert scene.body_pos[1, 0] == 0


def test_an_edit_of_nothing_changes_no_bit(own_task):
    model = own_task.physics.model
    assert model_digest(edit_copy(model, lambda _model: None)) == model_digest(model)


def at(physics, state):
    """Observe the bead's position and mass."""
    return jnp.append(physics.compute_kinematics(state).xpos[1, 0], physics.model.body_mass[1])


def test_functions_of_the_task_get_the_changed_physics(own_task):
    physics = own_task.physics
    control = Control(
        1, partial(lambda physics, _state, x: x * physics.model.body_mass[1], physics)
    )
    task = replace(own_task, observe=partial(at, physics), control=control)
    heavy = GoalEnvironment(task.with_model(double_mass))
    state, timestep = heavy.reset(jax.random.key(0))
    assert timestep.observation.state[1] == 2
    assert heavy.task.control.apply(state.physics_state, FULL)[0] == 2


@pytest.mark.parametrize("function", ["observe", "healthy", "moving_goal", "control"])
def test_a_function_that_would_keep_the_old_physics_is_refused(own_task, function):
    physics = own_task.physics

    def look(*given):
        state = next(x for x in given if hasattr(x, "qpos"))
        return physics.compute_kinematics(state).xpos[1, :1]

    given = Control(1, look) if function == "control" else look
    task = replace(own_task, **{function: given})
    with pytest.raises(ValueError, match=r"give the task functools\.partial\(function, physics\)"):
        task.with_model(double_mass)
