"""How texts are put together for the local model."""

import random

import pytest

from otel_pipeline.embedder_model import MOST_TOKENS, PASSES, batched


@pytest.mark.parametrize("count", [1, 2, 64, 3000])
def test_each_text_once_in_passes_of_bounded_size(count: int) -> None:
    dice = random.Random(count)
    lengths = [dice.randint(3, 256) for _ in range(count)]
    batches = list(batched(lengths))
    assert sorted(i for batch in batches for i in batch) == list(range(count))
    for batch in batches:
        assert max(lengths[i] for i in batch) * len(batch) <= MOST_TOKENS or len(batch) == 1
    if count >= 64:
        assert len(batches) >= PASSES


def test_no_texts_need_no_pass() -> None:
    assert list(batched([])) == []


def test_a_few_short_texts_go_together() -> None:
    assert list(batched([5, 4, 6])) == [[1, 0, 2]]
