"""What narrows the tables of ``sim catalog``: parts of names, of which each must be there.

A part that is in no name is a slip, and is answered with the nearest names; parts that are there,
but not together, with what there is beside the others. An empty table is no answer.
"""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass

import click

from sim.catalog.naming import beginning_with, known_as
from sim.catalog.table import no_such
from sim.cli.completion import GPU, MODEL
from sim.cli.tables import Row
from sim.errors import CatalogError

MOST = 8  # names that a message lists

by_gpu = click.option("--gpu", type=GPU, default="", help="Only GPUs whose name contains this.")
by_model = click.option(
    "--model", type=MODEL, default="", help="Only models whose name contains this."
)


@dataclass(frozen=True, slots=True)
class Filter:
    """An option that narrows a table.

    Attributes
    ----------
    key : str
        Of the rows that it narrows, and of the option: ``gpu`` of ``--gpu``.
    wanted : str
        Part of a name, or a name as people write it; empty for all.
    kind : str
        What is looked for, in words: ``GPU with a price``.
    """

    key: str
    wanted: str
    kind: str

    def __str__(self) -> str:
        return f"--{self.key} {self.wanted}"

    def names(self, rows: Iterable[Row]) -> list[str]:
        """Those of rows that have such a name, each once."""
        return list(dict.fromkeys(row[self.key] for row in rows if self.key in row))

    def kept(self, names: Sequence[str]) -> set[str]:
        """The names among these that are wanted."""
        part = self.wanted.casefold().strip()
        same = known_as(part, names)
        found = {name for name in names if part in name or name == same}
        return found or set(beginning_with(part, names) if part else names)


def narrowed(rows: Sequence[Row], filters: Sequence[Filter], command: str) -> list[Row]:
    """The rows that all filters let through; a row without a filter's key is let through by it.

    Raises
    ------
    CatalogError
        Where nothing is: naming what is not there, or not beside the others.
    """
    every = list(rows)
    for at, each in enumerate(filters):
        if not each.wanted:
            continue
        if each.names(rows) and not each.kept(each.names(rows)):
            slip = no_such(each.kind, each.wanted, each.names(rows), command)
            raise CatalogError(f"--{each.key}: {slip}")
        there = each.names(every)
        kept = each.kept(there)
        passed = [row for row in every if each.key not in row or row[each.key] in kept]
        if not passed:
            before = [str(other) for other in filters[:at] if other.wanted]
            few = f"{', '.join(sorted(there)[:MOST])}{', …' if len(there) > MOST else ''}"
            raise CatalogError(
                f"{each}: nothing matches together with {' '.join(before)}"
                f" (there, by --{each.key}: {few})"
            )
        every = passed
    return every
