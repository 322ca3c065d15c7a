"""`--check --card`: what an experiment asks of a card that is not here."""

from pathlib import Path

import jax
import pytest

from dsl.cli.main import main as kilolayer
from dsl.cli.run import main
from dsl.training.card import described_devices, description
from dsl.training.card.compilation import CardProgram
from dsl.training.card.thunks import Launch

QUICKSTART = str(Path(__file__).resolve().parents[3] / "experiments" / "quickstart.gin")
REDUCED = """\
ENTRY %main (x: f32[]) -> f32[] {
  %all-reduce.5 = f32[1000]{0} all-reduce(%joined), channel_id=19, to_apply=%add.1
}
"""


@pytest.fixture
def without_packages(monkeypatch):
    """JAX as it is without its CUDA packages."""

    def refuse(*_args, **_kwargs):
        raise NotImplementedError("topology not implemented for cuda")

    monkeypatch.setattr(described_devices.topologies, "get_topology_desc", refuse)


@pytest.fixture
def compiled(monkeypatch):
    """A compiler that finds the same three kernels, two of them in a graph, in every program."""
    launches = [
        Launch("kCommandBuffer", "", 1, False),
        Launch("kCustomKernel", "a", 2, True),
        Launch("kWhile", "", 1, False),
        Launch("kCustomKernel", "b", 1, False),
    ]
    program = CardProgram(7.4, REDUCED, launches, {"tf32": 8 * 495 * 10**6}, 3 * 2**30, 2**20)
    devices = [jax.devices()[0]] * 8
    monkeypatch.setattr(described_devices, "describe_devices", lambda _, count: devices[:count])
    monkeypatch.setattr(description, "trace_part", lambda _, part: part)
    monkeypatch.setattr(description, "compile_for_card", lambda _: program)


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


@pytest.mark.usefixtures("compiled")
def test_a_card_is_told_apart_from_what_it_is_asked_for(capsys):
    assert kilolayer(["check", QUICKSTART, "--card", "a100"]) == 0
    shown = capsys.readouterr().out
    assert "Device memory, estimated" in shown
    rows = [" ".join(line.split()) for line in shown.splitlines()]
    assert "update 7 s 3 2 1 1, 1 of unknown length 3.0 GiB" in rows
    assert "memory asked for 3.0 GiB of 79.2 GiB" in rows
    # 3.96 GFLOP at 156 TFLOP/s take 25 us, three kernels 3 us.
    assert "time of an update 0.025 ms, from matrix products" in rows
    assert not [row for row in rows if "Between cards" in row]


@pytest.mark.usefixtures("compiled")
def test_eight_cards_share_products_and_add_gradients(capsys):
    assert main([QUICKSTART, "--check", "--card", "8xh100"]) == 0
    rows = [" ".join(line.split()) for line in capsys.readouterr().out.splitlines()]
    assert any(row.startswith("On 8 of 8 NVIDIA H100") for row in rows)
    assert "time of an update 0.003 ms, from starting kernels" in rows
    assert "an update all-reduce 1 4,000 f32[1000]" in rows
    assert "an iteration of 100 updates all 100 400,000" in rows
