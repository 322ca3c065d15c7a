"""Collectives found in the text of a compiled program."""

from dsl.training.card.collectives import Collective, read_collectives

# As JAX 0.10 writes it, started and finished; shortened. The loop has 62 rounds.
STARTED = """\
HloModule jit_update, is_scheduled=true

%add.1 (x: f32[], y: f32[]) -> f32[] {
  %x = f32[] parameter(0)
  ROOT %sum = f32[] add(%x, %x)
}

%body (arg: (s32[], f32[64,64])) -> (s32[], f32[64,64]) {
  %a = f32[64,64]{1,0} get-tuple-element(%arg), index=1
  %b = f32[64]{0} get-tuple-element(%arg), index=2
  %gather = ((f32[64,64], f32[64]{0}), (f32[512,64], f32[512]{0})) all-gather-start(%a, %b)
  %all-gather-done = (f32[512,64]{1,0}, f32[512]{0}) all-gather-done(%gather)
}

ENTRY %main (arg: f32[512,29]) -> f32[] {
  %bitcast.52 = f32[512,29]{1,0} bitcast(%arg)
  %joined = f32[853401]{0} concatenate(%arg)
  %all-reduce-start.5 = f32[853401]{0} all-reduce-start(%joined), channel_id=19, to_apply=%add.1
  %scatter = ((f32[512,29]), (f32[64,29])) reduce-scatter-start(%bitcast.52), to_apply=%add.1
  %while.5 = (s32[]) while(%tuple), body=%body, backend_config={"known_trip_count":{"n":"62"}}
}
"""
# As JAX 0.11 writes it: of what is scattered only a shard, of what is reduced also the operand.
AT_ONCE = """\
ENTRY %main (arg: bf16[512,29]) -> bf16[64,29] {
  %bitcast.52 = bf16[512,29]{1,0} bitcast(%arg)
  %all-gather.8 = (s32[512,2]{1,0}, pred[512]{0}) all-gather(%e, %f), channel_id=2, dimensions={0}
  %all-reduce.1 = (bf16[512,29], bf16[512,29]) all-reduce-start(%bitcast.52), to_apply=%add
  ROOT %reduce-scatter.1 = bf16[64,29]{1,0} reduce-scatter(%bitcast.52), channel_id=1, to_apply=%add
}
"""


def test_started_operations_count_once_with_their_whole_arrays():
    assert read_collectives(STARTED) == [
        Collective("all-reduce", ("f32[853401]",), 4 * 853_401, 1),
        Collective("reduce-scatter", ("f32[512,29]",), 4 * 512 * 29, 1),
        Collective("all-gather", ("f32[512,64]", "f32[512]"), 4 * (512 * 64 + 512), 62),
    ]


def test_what_is_scattered_at_once_counts_whole():
    assert read_collectives(AT_ONCE) == [
        Collective("all-gather", ("s32[512,2]", "pred[512]"), 4 * 512 * 2 + 512, 1),
        Collective("all-reduce", ("bf16[512,29]",), 2 * 512 * 29, 1),
        Collective("reduce-scatter", ("bf16[512,29]",), 2 * 512 * 29, 1),
    ]


def test_one_card_sends_nothing():
    assert read_collectives("ENTRY %main (x: f32[]) -> f32[] {\n  ROOT %x = f32[] add(%y)\n}") == []
