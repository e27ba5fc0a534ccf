"""Data files of the catalogue: how they are found and read, and how a wrong name is answered."""

import csv
import difflib
from collections.abc import Iterable
from importlib.resources import files
from importlib.resources.abc import Traversable

from sim.errors import CatalogError


def data_file(path: str) -> Traversable:
    """A file or folder of ``sim/catalog/data``, as installed."""
    return files("sim.catalog").joinpath("data", *path.split("/"))


def rows(path: str) -> list[dict[str, str]]:
    """The rows of a CSV table, as text by column."""
    return list(csv.DictReader(data_file(path).read_text(encoding="utf-8").splitlines()))


def no_such(kind: str, name: str, known: Iterable[str], command: str) -> CatalogError:
    """The error for a name that is not in the catalogue, with the nearest ones.

    Parameters
    ----------
    kind : str
        What was looked for: ``GPU``.
    name : str
        The name asked for.
    known : iterable of str
        The names there are.
    command : str
        The command that lists them.
    """
    near = difflib.get_close_matches(name.casefold(), sorted(known), n=3, cutoff=0.5)
    meant = f"did you mean {' or '.join(map(repr, near))}? " if near else ""
    return CatalogError(f"{kind} {name!r} is not in the catalogue ({meant}{command!r} lists all)")
