"""How large an adapter (LoRA) of a model is, from the widths of its matrices.

An adapter of rank r adds to a matrix of n x m numbers two of r·n and r·m. Those of attention are
the queries', the keys', the values' and the output's, those of a dense layer the gate, the one that
widens and the one that narrows. Numbers have 16 bits.
"""

from functools import cache
from typing import Final, Literal

from sim.catalog.hardware import model
from sim.catalog.table import rows

Modules = Literal["all", "attention"]

BYTES: Final = 2  # of a number


@cache
def _widths() -> dict[str, tuple[int, int]]:
    table = rows("model_widths.csv")
    return {row["model"]: (int(row["hidden"]), int(row["intermediate"])) for row in table}


def bytes_per_rank(name: str, modules: Modules) -> float | None:
    """Bytes of an adapter of rank 1; None where the catalogue does not know the widths.

    The published adapters of rank 16 for all matrices of Llama 3.1 8B have 42 million numbers:

    >>> bytes_per_rank("llama-3.1-8b", "all") * 16 / 2
    41943040.0
    """
    found = _widths().get(name.casefold())
    if found is None:
        return None
    hidden, intermediate = found
    made_of = model(name)
    queries = made_of.query_heads * made_of.head_dim
    keys = made_of.kv_heads * made_of.head_dim
    sides = 4 * hidden + 2 * queries + 2 * keys
    if modules == "all":
        sides += 3 * (hidden + intermediate)
    return float(BYTES * made_of.layers * sides)


def matrix_params(name: str) -> float | None:
    """Weights of the matrices that adapters can change, in all layers; None where not known."""
    found = _widths().get(name.casefold())
    if found is None:
        return None
    hidden, intermediate = found
    made_of = model(name)
    heads = 2 * made_of.query_heads + 2 * made_of.kv_heads
    return float(made_of.layers * hidden * (heads * made_of.head_dim + 3 * intermediate))
