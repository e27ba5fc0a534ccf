"""The scenario that a study is about, and its variants."""

from collections.abc import Iterable
from dataclasses import dataclass, field
from pathlib import Path

from sim.scenario import Scenario, Written, load_scenario


@dataclass(frozen=True, slots=True)
class Case:
    """A scenario's file with overrides; a study makes variants of it by more of them.

    Attributes
    ----------
    path : Path or Written
        Where it is written.
    overrides : tuple of str
        ``PATH=VALUE``, in order.
    allow_code : bool
        Whether it may name Python code that is run.
    """

    path: Path | Written
    overrides: tuple[str, ...] = ()
    allow_code: bool = False
    _loaded: dict[tuple[str, ...], Scenario] = field(
        default_factory=dict, init=False, repr=False, compare=False
    )

    @property
    def stem(self) -> str:
        """A short name, where several scenarios have the same."""
        return self.path.stem if isinstance(self.path, Path) else str(self.path)

    def load(self, more: Iterable[str] = ()) -> Scenario:
        """The scenario with further overrides, read once: a study is about one state of a file."""
        overrides = (*self.overrides, *more)
        if overrides not in self._loaded:
            self._loaded[overrides] = load_scenario(self.path, overrides, self.allow_code)
        return self._loaded[overrides]

    def but(self, *more: str) -> "Case":
        """The same case with further overrides."""
        return Case(self.path, (*self.overrides, *more), self.allow_code)
