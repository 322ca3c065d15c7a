"""Descriptions of learning rates before a run and when it resumes."""

from functools import partial
from pathlib import Path

import pytest
from contrastive import contrastive

from components.actors.deterministic import DeterministicActor
from components.critics.q_ensemble import QEnsemble
from components.learners.actor_critic import ActorCritic
from components.losses.actor import DeterministicGradient, LogLikelihood
from components.losses.td import ClippedDoubleQ
from components.networks import ResidualMLP
from components.optimisers.rated import adam, sgd
from components.optimisers.schedules import CosineDecay
from components.relabelling.strategies import Commanded
from dsl.language.configuration import load
from dsl.records.same_run import list_differences
from dsl.training.learning_rates import describe_learning_rates, learning_rate_notices

QUICKSTART = Path(__file__).resolve().parents[3] / "experiments" / "quickstart.gin"


def learners(rate, **others):
    return {"learner": contrastive(8, 4, LogLikelihood(), adam(rate)), **others}


def described(overrides):
    experiment = load(QUICKSTART, overrides).build()
    schedule = experiment.schedule()
    return describe_learning_rates(experiment.learners, schedule.updates(schedule.epochs))


@pytest.mark.parametrize(
    ("overrides", "text"),
    [
        ([], "0.001, falling to 5e-05 at update 18,000 of 18,700"),
        (["TOTAL_ENV_STEPS=12_000_000"], "0.001, falling to 5e-05 at update 180,193 of 187,200"),
        (["TOTAL_ENV_STEPS=120_000"], "0.001, falling to 5e-05 at update 1,444 of 1,500"),
        (
            ["TOTAL_ENV_STEPS=120_000", "schedule.cosine_decay.decay_steps=3_000"],
            "0.001, falling to 0.000525 at the last of 1,500 updates; the decay would end at "
            "update 3,000",
        ),
        (["optimiser.adam.learning_rate=3e-4"], "0.0003"),
    ],
)
def test_the_quickstart_decays_over_its_own_length(overrides, text):
    assert described(overrides) == [("learning rate", text)]


def test_a_new_run_describes_its_schedules_and_no_constants():
    assert learning_rate_notices(learners(1e-3), 100, 0, {}) == []
    assert learning_rate_notices(learners(CosineDecay(1e-3, 50)), 100, 0, {}) == [
        "learning rate: 0.001, falling to 0 at update 50 of 100"
    ]


def test_a_longer_run_says_that_its_rate_rises():
    record = {"train/learning_rate": 0.0}
    assert learning_rate_notices(learners(CosineDecay(1e-3)), 200, 100, record) == [
        "learning rate: 0.001, falling to 0 at update 200 of 200",
        "learning rate: changes from 0 to 0.0005 here",
    ]
    record = {"train/learning_rate": 5e-4}
    assert len(learning_rate_notices(learners(CosineDecay(1e-3)), 200, 100, record)) == 1
    assert learning_rate_notices(learners(1e-3), 200, 100, {"train/learning_rate": 2e-3}) == [
        "learning rate: changes from 0.002 to 0.001 here"
    ]


def test_networks_and_learners_with_rates_of_their_own_are_told_apart():
    network = partial(ResidualMLP, 8, 4)
    td3 = ActorCritic(
        actor=partial(DeterministicActor, network),
        actor_loss=DeterministicGradient(),
        actor_optimiser=adam(CosineDecay(1e-3)),
        critic=partial(QEnsemble, network),
        critic_loss=ClippedDoubleQ(),
        critic_optimiser=sgd(lambda count: 0.5 / (1 + count)),
        relabelling=Commanded(),
        policy_delay=2,
    )
    assert describe_learning_rates(learners(2e-3, td3=td3), 99) == [
        ("learner/learning rate", "0.002"),
        ("td3/actor learning rate", "0.001, falling to 0 at update 98 of 99"),
        ("td3/critic learning rate", "0.5, then 0.005 at the last of 99 updates"),
    ]


def test_a_run_may_resume_with_another_length_of_its_schedule():
    longer = ["TOTAL_ENV_STEPS=2_400_000", "schedule.cosine_decay.decay_steps=36_000"]
    before, now = load(QUICKSTART).operative_text(), load(QUICKSTART, longer).operative_text()
    assert list_differences(before, now) == []
    assert len(list_differences(before, now, ignored=())) > 2
    other = load(QUICKSTART, ["schedule.cosine_decay.init_value=1e-4"]).operative_text()
    assert len(list_differences(before, other)) == 2 * 3  # of three networks
