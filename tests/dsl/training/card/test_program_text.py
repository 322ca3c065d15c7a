"""Instructions and arrays in the text of a compiled program."""

import pytest

from dsl.training.card.program_text import array_bytes, arrays_in, read_instructions

PROGRAM = """\
ENTRY %main (arg: f32[512,29]) -> f32[] {
  %pair.2 = (f32[64,8]{1,0}, pred[64]{0}) fusion(%arg, %other.1), kind=kLoop, calls=%f, \
metadata={op_name="jit(f)/learner/critic/add" stack_frame_id=5}
  ROOT %copy.1 = bf16[512,29]{1,0} copy(%arg)
}
"""


def test_an_instruction_has_arrays_operands_and_a_path():
    found = read_instructions(PROGRAM)
    assert list(found) == ["pair.2", "copy.1"]
    assert found["pair.2"].operands == ("arg", "other.1")
    assert found["pair.2"].path == "jit(f)/learner/critic/add"
    assert arrays_in(found["pair.2"].types) == ("f32[64,8]", "pred[64]")
    assert found["copy.1"] == ("bf16[512,29]{1,0}", ("arg",), "")


@pytest.mark.parametrize(
    ("arrays", "size"),
    [([], 0), (["f32[]"], 4), (["f32[64,8]", "pred[64]"], 2112), (["bf16[3]", "u64[2]"], 22)],
)
def test_bytes_of_arrays(arrays, size):
    assert array_bytes(arrays) == size
