"""`--check --card`: what an experiment asks of a card that is not here."""

from pathlib import Path

import pytest

from dsl.cli.main import main as kilolayer
from dsl.cli.run import main
from dsl.training.card import described_devices, description

QUICKSTART = str(Path(__file__).resolve().parents[3] / "experiments" / "quickstart.gin")


class Device:
    """A device, as far as tracing asks for it."""

    platform = "gpu"


@pytest.fixture
def without_packages(monkeypatch):
    """JAX as it is without its CUDA packages."""

    def refuse(*_args, **_kwargs):
        raise NotImplementedError("topology not implemented for cuda")

    monkeypatch.setattr(described_devices.topologies, "get_topology_desc", refuse)


@pytest.mark.usefixtures("without_packages")
def test_without_cuda_packages_it_says_how_to_get_them(capsys):
    assert main([QUICKSTART, "--check", "--card", "h100"]) == 2
    shown = capsys.readouterr()
    assert shown.out == ""
    (line,) = shown.err.splitlines()
    assert "pip install 'kilolayer[cuda]'" in line
    assert "neither a GPU nor a driver" in line


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["--check", "--card", "b200"], "no description of the card 'b200'; say h100 or a100"),
        (["--check", "--card", ""], "no description of the card ''"),
        (["--card", "h100"], "--card goes with --check"),
    ],
)
def test_a_call_that_makes_no_sense_is_refused_in_a_line(arguments, message, capsys):
    assert main([QUICKSTART, *arguments]) == 2
    shown = capsys.readouterr()
    assert message in shown.err
    assert (len(shown.err.splitlines()), shown.out) == (1, "")


def test_the_card_comes_after_what_needs_none(monkeypatch, capsys):
    devices = [Device() for _ in range(8)]
    monkeypatch.setattr(described_devices, "describe_devices", lambda _, count: devices[:count])
    monkeypatch.setattr(
        description,
        "describe_on_card",
        lambda of, card, found: f"{of.num_envs} on {len(found)} {card.name}",
    )
    assert kilolayer(["check", QUICKSTART, "--card", "8xa100", "--set", "NUM_ENVS=24"]) == 0
    shown = capsys.readouterr()
    assert "Device memory, estimated" in shown.out
    assert shown.out.endswith("\n\n24 on 8 a100\n")
    assert shown.err == "compiling for 8xa100, which may take minutes\n"
