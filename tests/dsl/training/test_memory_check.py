"""Memory per device, counted for devices that this machine does not have."""

import optax
import pytest
from contrastive import contrastive
from probes import Line

from components.losses.actor import LogLikelihood
from components.networks import stack_form
from components.replay.trajectory_buffer import TrajectoryBuffer
from dsl.errors import UsageError
from dsl.experiment import Experiment
from dsl.training import memory_check
from dsl.training.memory import MemoryEstimate, estimate_memory

EXPERIMENT = Experiment(
    environment=Line(),
    learner=contrastive(8, 4, LogLikelihood(), optax.adam(1e-3)),
    buffer=TrajectoryBuffer(10_000),
    num_envs=16,
    batch_size=32,
    unroll_length=3,
    eval_episodes=16,
)


@pytest.fixture
def on_accelerators(monkeypatch):
    """Return a function that pretends that this machine has some accelerators."""

    def pretend(count, memory=None):
        monkeypatch.setattr(memory_check.jax, "default_backend", lambda: "gpu")
        monkeypatch.setattr(memory_check.jax, "devices", lambda: [None] * count)
        monkeypatch.setattr(memory_check, "device_memory", lambda: memory)
        # Networks are traced as on one CPU: the devices are not there.
        monkeypatch.setitem(stack_form.AUTO_KERNEL, "gpu", "scan")

    return pretend


@pytest.fixture
def divided(monkeypatch):
    """Estimates of a run that needs 64 bytes of everything, nothing of which is traced."""

    def estimate(_, devices=1):
        return MemoryEstimate(*(64 for _ in range(3)), *(64 // devices for _ in range(4)))

    monkeypatch.setattr(memory_check, "estimate_memory", estimate)
    return estimate


def test_a_run_is_split_over_devices_and_its_networks_are_not(on_accelerators):
    whole = estimate_memory(EXPERIMENT)
    on_accelerators(5)  # four of them divide its environments
    share = memory_check.estimate_per_device(EXPERIMENT)
    assert whole.replay > 0
    for name in ("replay", "environments", "evaluation", "activations"):
        assert getattr(share, name) == getattr(whole, name) // 4
    for name in ("parameters", "optimisers", "updates"):  # every device has them all
        assert getattr(share, name) == getattr(whole, name)


@pytest.mark.parametrize(("found", "used"), [(1, 1), (3, 2), (5, 4), (16, 16), (64, 16)])
def test_devices_beyond_an_equal_share_are_not_counted(on_accelerators, divided, found, used):
    on_accelerators(found)
    assert memory_check.estimate_per_device(EXPERIMENT) == divided(EXPERIMENT, used)


def test_the_cores_of_a_cpu_share_one_memory(monkeypatch, divided):
    monkeypatch.setattr(memory_check.jax, "devices", lambda: [None] * 4)
    assert memory_check.estimate_per_device(EXPERIMENT) == divided(EXPERIMENT)


@pytest.mark.parametrize(("found", "seeds", "each"), [(1, 6, 6), (2, 6, 3), (4, 6, 2), (8, 6, 1)])
def test_seeds_together_are_whole_on_their_device(on_accelerators, divided, found, seeds, each):
    on_accelerators(found)
    share = memory_check.estimate_per_device(EXPERIMENT, seeds)
    assert share == tuple(each * size for size in divided(EXPERIMENT))


@pytest.mark.usefixtures("divided")
def test_a_run_too_large_for_one_device_is_accepted_on_four(on_accelerators):
    memory = 7 * 64 // 2  # of which the check allows one and a half
    on_accelerators(1, memory)
    with pytest.raises(UsageError, match=r"the run needs about .* Most of it: parameters"):
        memory_check.require_memory(EXPERIMENT)
    memory_check.require_memory(EXPERIMENT, force=True)
    on_accelerators(4, memory)
    memory_check.require_memory(EXPERIMENT)
