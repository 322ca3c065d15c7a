"""Names of cards, and the time that nothing on them can beat."""

import pytest

from dsl.errors import UsageError
from dsl.training.card.cards import CARDS, parse_cards
from dsl.training.card.lower_bound import lower_bound


@pytest.mark.parametrize(
    ("text", "count", "name"), [("h100", 1, "h100"), ("A100", 1, "a100"), ("8xh100", 8, "h100")]
)
def test_one_card_or_several(text, count, name):
    assert parse_cards(text) == (count, CARDS[name])


@pytest.mark.parametrize("text", ["b200", "", "0xh100", "h100x8", "-1xh100", "100xh100"])
def test_an_unknown_card_is_refused_with_the_known_ones(text):
    with pytest.raises(UsageError, match=r"no description of the card .* h100 or a100, .* 8xh100"):
        parse_cards(text)


@pytest.mark.parametrize(
    ("kernels", "tf32", "moved", "binding", "seconds"),
    [
        (174, 10**9, 10**7, "launches", 174e-6),
        (174, 495 * 10**9, 10**7, "products", 1e-3),
        (174, 10**9, 6_704_000_000, "memory", 2e-3),
    ],
)
def test_the_largest_of_three_times_binds(kernels, tf32, moved, binding, seconds):
    bound = lower_bound(CARDS["h100"], kernels, {"tf32": tf32}, moved)
    assert bound.binding == binding
    assert bound.seconds == pytest.approx(seconds)


def test_precisions_have_their_own_rates():
    operations = {"float32": 67 * 10**9, "bfloat16": 990 * 10**9, "tf32x3": 165 * 10**9}
    assert lower_bound(CARDS["h100"], 0, operations, 0).products == pytest.approx(3e-3)
