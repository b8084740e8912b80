"""What of the encoder needs no weights: batching, and its manners before it is warm."""

from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from models.encoder import Encoder, token_batches
from models.errors import ModelsError


@given(st.lists(st.integers(1, 512), max_size=60), st.integers(1, 2000))
def test_batches_hold_every_row_once_within_the_limit(lengths: list[int], limit: int) -> None:
    """No row is lost or repeated; a padded batch is within the limit unless it is one long row."""
    batches = list(token_batches(lengths, limit))
    assert sorted(row for batch in batches for row in batch) == list(range(len(lengths)))
    for batch in batches:
        padded = max(lengths[row] for row in batch) * len(batch)
        assert padded <= limit or len(batch) == 1


def test_rows_of_like_length_share_a_batch() -> None:
    """Short texts are not padded to a long one's length."""
    assert list(token_batches([10, 500, 10, 500], 1000)) == [[1, 3], [0, 2]]


def test_a_cold_encoder_says_so(tmp_path: Path) -> None:
    """Before warm_up nothing is loaded, and both encode and check_health refuse."""
    encoder = Encoder(tmp_path / "nothing-here")
    with pytest.raises(ModelsError, match="not warmed up"):
        encoder.encode(["a"], "query")
    with pytest.raises(ModelsError, match="not warmed up"):
        encoder.check_health()
