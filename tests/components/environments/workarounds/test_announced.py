"""Workarounds are announced once and can be switched off."""

import logging
from concurrent.futures import ThreadPoolExecutor

import jax
import pytest

from components.environments.workarounds import announced, kinematics_barrier, lapack_deadlock
from components.environments.workarounds.announced import announce_workaround, is_switched_off


@pytest.fixture(autouse=True)
def unannounced(monkeypatch, caplog):
    """Start as a new process does."""
    monkeypatch.setattr(announced, "_announced", set())
    caplog.set_level(logging.INFO)


@pytest.mark.parametrize(("value", "off"), [(None, False), ("", False), ("0", False), ("1", True)])
def test_an_environment_variable_switches_off(monkeypatch, value, off):
    if value is not None:
        monkeypatch.setenv("KILOLAYER_NO_TRIAL", value)
    assert is_switched_off("KILOLAYER_NO_TRIAL") is off


def test_threads_announce_a_workaround_once(caplog):
    with ThreadPoolExecutor(8) as pool:
        list(pool.map(lambda _: announce_workaround("A change.", "KILOLAYER_NO_A"), range(64)))
    announce_workaround("Another change.", "KILOLAYER_NO_B")
    assert [record.message for record in caplog.records] == [
        "A change. Set KILOLAYER_NO_A=1 to switch this off.",
        "Another change. Set KILOLAYER_NO_B=1 to switch this off.",
    ]
    assert {record.levelno for record in caplog.records} == {logging.INFO}


def test_barriers_are_announced_when_they_take_effect(monkeypatch, caplog):
    monkeypatch.setenv(kinematics_barrier.OPT_OUT, "1")
    with kinematics_barrier.barriers_between_links():
        assert caplog.records == []
    monkeypatch.delenv(kinematics_barrier.OPT_OUT)
    for _ in range(2):
        with kinematics_barrier.barriers_between_links():
            pass
    (record,) = caplog.records
    assert "barrier" in record.message
    assert kinematics_barrier.OPT_OUT in record.message


@pytest.mark.parametrize(
    ("version", "off", "registered"),
    [((0, 11, 1), False, 2), ((0, 11, 1), True, 0), ((0, 11, 2), False, 0)],
    ids=["needed", "switched off", "not needed"],
)
def test_lapack_is_replaced_and_announced_only_if_needed(
    monkeypatch, caplog, version, off, registered
):
    rules = []
    monkeypatch.setattr(lapack_deadlock.mlir, "register_lowering", lambda *x, **_: rules.append(x))
    monkeypatch.setattr(jax, "__version_info__", version)
    if off:
        monkeypatch.setenv(lapack_deadlock.OPT_OUT, "1")
    lapack_deadlock.factorise_in_parts.__wrapped__()
    assert len(rules) == registered
    assert [lapack_deadlock.OPT_OUT in r.message for r in caplog.records] == [True] * bool(
        registered
    )
