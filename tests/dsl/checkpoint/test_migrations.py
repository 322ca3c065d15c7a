"""Names of arrays in earlier formats."""

import pytest

from dsl.checkpoint.migrations import FORMAT, migrate_arrays, migrate_manifest

FORMAT_1 = {
    "state.key": "key",
    "state.iteration": "iteration",
    "state.lanes.state.body.qpos": "envs.state.physics_state.qpos",
    "state.lanes.state.goal": "envs.state.goal",
    "state.lanes.timestep.extras.success": "envs.timestep.extras.success",
    "state.lanes.episode": "envs.episode",
    "sums.critic_loss": "metric_sums.critic_loss",
    "sums.deep/broken": "metric_sums.deep/broken",
    "broken": "nonfinite_resets",
}


@pytest.mark.parametrize(("old", "new"), FORMAT_1.items())
def test_the_rest_of_a_state_has_the_names_of_today(old, new):
    assert migrate_arrays({old: 1}, "rest", 1) == {new: 1}
    assert migrate_arrays({new: 1}, "rest", FORMAT) == {new: 1}


def test_a_learner_may_be_called_like_a_field():
    name = "sums.networks.actor.broken"
    assert migrate_arrays({name: 1}, "learners", 1) == {name: 1}


def test_the_metadata_of_format_1_were_its_facts():
    old = {"format": 1, "files": {}, "facts": {"score": 1.0}}
    assert migrate_manifest(old)["metadata"] == {"score": 1.0}
    new = {"format": 2, "files": {}, "metadata": {}, "written_by": {"jax": "1"}}
    assert migrate_manifest(new) == new
