"""Sizes of adapters, from widths that are checked against the number of weights."""

import pytest

from sim.catalog.adapter_sizes import bytes_per_rank, matrix_params
from sim.catalog.hardware import model
from sim.catalog.table import rows

NAMES = [row["model"] for row in rows("model_widths.csv")]


@pytest.mark.parametrize("name", NAMES)
def test_matrices_of_these_widths_have_the_weights_of_the_model(name: str) -> None:
    """All but the embeddings, norms and biases: within a thousandth."""
    found = matrix_params(name)
    assert found is not None
    assert found == pytest.approx(model(name).params - model(name).embedding_params, rel=1e-3)


def test_a_model_whose_widths_are_not_known_has_no_size() -> None:
    assert bytes_per_rank("mixtral-8x7b", "all") is None
