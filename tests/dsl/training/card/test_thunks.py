"""Kernels and graphs counted in XLA's list of thunks, whose form is that of JAX 0.10 and 0.11."""

import pytest

from dsl.training.card.thunks import count_launches, parse_thunks, read_launches

GRAPH_ALONE = """\
000: kCommandBuffer [source | sink]
    001: kCustomKernel [source       | next=002 (1)] stack_forward grid: [2, 32, 1]
    002: kCopy         [prev=001 (1) | next=003 (1)] kCopy
    003: kCustomKernel [prev=002 (1) | sink        ] stack_backward grid: [2, 32, 1]
"""
# A loop of 62 rounds, within which another has a length that nobody knows.
LOOPS = """\
001: kCopy         [source       | next=002 (1)] kCopy
002: kWhile        [prev=001 (1) | next=020 (1)]
condition:
    003: kCustomKernel [source | sink] loop_compare_fusion grid: [1, 1, 1]
  body:
    000: kCommandBuffer [source       | next=018 (1)]
        004: kCopy         [source       | next=005 (1)] kCopy
        005: kCustomKernel [prev=004 (1) | sink        ] wrapped_add grid: [1, 1, 1]
    006: kDynamicSliceFusion [source       | next=054 (3)] params=1, results=1
    007: kCopy [source | sink] kCopy
    008: kSequential    [prev=000 (1) | next=125 (1)]   009: kCopy            [source] kCopy
      010: kTriangularSolve [prev=120 (1) | sink        ] (no description)
    011: kWhile         [prev=000 (1) | next=160 (1)]
condition:
        012: kCustomKernel [source | sink] loop_compare_fusion_1 grid: [1, 1, 1]
      body:
        013: kCustomKernel [source | sink] gemm_fusion_dot_11 grid: [2048, 1, 1]
        014: kCustomCall    [prev=000 (1) | next=000 (1)] kCustomCall
    015: kCustomKernel [source | sink] after_the_inner_loop grid: [1, 1, 1]
020: kCustomKernel  [prev=020 (1) | next=027 (1)] after_the_loops grid: [2048, 1, 1]
"""
LOOP_NAMES = """\
thunk_metadata {
  thunk_info {
    profile_annotation: "command_buffer_1"
  }
  thunk_kind: "kCommandBuffer"
}
thunk_metadata {
  thunk_info {
    profile_annotation: "while.5"
    thunk_id: 2
  }
  thunk_kind: "kWhile"
}
thunk_metadata {
  thunk_info {
    profile_annotation: "while.7"
    thunk_id: 11
  }
  thunk_kind: "kWhile"
}
"""
LOOP_PROGRAM = """\
  %while.5 = (s32[]) while(%tuple), body=%b, backend_config={"known_trip_count":{"n":"62"}}
  %while.7 = (s32[]) while(%tuple.1), condition=%c, body=%d
"""
CHOICE = """\
001: kCustomKernel  [source       | next=014 (1)] loop_compare_fusion_1 grid: [1, 1, 1]
014: kConditional   [prev=001 (1) | next=000 (1)]
  false_branch:
    000: kCommandBuffer [source       | next=007 (1)]
        002: kCustomKernel [source       | next=003 (1)] gemm_fusion_dot_12 grid: [1024, 1, 1]
        003: kCustomKernel [prev=002 (1) | sink        ] sort_10_1 grid: [64, 1, 1]
    007: kAllGather     [prev=000 (1) | sink        ] kAllGather
  true_branch:
    008: kAllGather    [source       | next=009 (1)] kAllGather
"""


def test_a_program_in_one_graph():
    found = count_launches(read_launches(GRAPH_ALONE, "", ""))
    assert found._asdict() == {
        "kernels": 3,
        "in_graphs": 3,
        "graphs": 1,
        "loops": 0,
        "open_loops": 0,
    }


def test_a_loop_launches_its_body_every_round():
    found = count_launches(read_launches(LOOPS, LOOP_NAMES, LOOP_PROGRAM))
    # A round: two in the graph, a copy, a copy and a solve, the inner loop's one condition and two
    # of its body, and one after it. XLA evaluates no condition where it knows the number of rounds.
    assert found.kernels == 1 + 62 * (2 + 1 + 2 + 3 + 1) + 1
    assert found.in_graphs == 62 * 2
    assert found.graphs == 62
    assert (found.loops, found.open_loops) == (2, 1)


def test_one_branch_runs_and_the_larger_one_counts():
    found = count_launches(read_launches(CHOICE, "", ""))
    assert (found.kernels, found.in_graphs, found.graphs) == (1 + 3, 2, 1)


def test_launches_have_the_names_of_their_instructions():
    found = read_launches(LOOPS, LOOP_NAMES, LOOP_PROGRAM)
    loops = [(x.instruction, x.times) for x in found if x.kind == "kWhile"]
    assert loops == [("while.5", 1), ("", 62)]


def test_sections_belong_to_the_innermost_open_thunk():
    copy, outer, last = parse_thunks(LOOPS)
    assert [copy.number, outer.number, last.number] == [1, 2, 20]
    assert [thunk.number for thunk in outer.sections["condition"]] == [3]
    assert [thunk.number for thunk in outer.sections["body"]] == [0, 6, 7, 8, 11, 15]
    inner = outer.sections["body"][4]
    assert {k: [t.number for t in v] for k, v in inner.sections.items()} == {
        "condition": [12],
        "body": [13, 14],
    }


@pytest.mark.parametrize("text", ["", "\n"])
def test_an_empty_program_launches_nothing(text):
    assert count_launches(read_launches(text, "", "")).kernels == 0
