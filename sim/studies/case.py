"""The scenario that a study is about, and its variants."""

from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path

from sim.scenario import Scenario, load_scenario


@dataclass(frozen=True, slots=True)
class Case:
    """A scenario's file with overrides; a study makes variants of it by more of them.

    Attributes
    ----------
    path : Path
    overrides : tuple of str
        ``PATH=VALUE``, in order.
    """

    path: Path
    overrides: tuple[str, ...] = ()

    def load(self, more: Iterable[str] = ()) -> Scenario:
        """The scenario with further overrides."""
        return load_scenario(self.path, (*self.overrides, *more))

    def but(self, *more: str) -> "Case":
        """The same case with further overrides."""
        return Case(self.path, (*self.overrides, *more))
