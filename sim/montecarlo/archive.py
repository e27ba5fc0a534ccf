"""The finished worlds of a study, on disk while it goes on.

A study simulates many designs. The worlds of each lie in parts of the results folder
(:mod:`sim.montecarlo.storage.parts`), under a name made of all that they come from. A study that is
resumed asks what it asked before, in the same order, and is given the worlds that are there: its
answer has the same bytes as if nobody had cut it off. All designs are put on disk at one pace
(:mod:`sim.montecarlo.checkpoints`); what those before have left over goes along with the next.
"""

import hashlib
import json
from collections import defaultdict
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING, Any

from sim.errors import ResultError
from sim.montecarlo.checkpoints import Checkpoints, Pace
from sim.montecarlo.result import Draws, Earlier
from sim.montecarlo.sample import INPUT_PREFIX, Sample
from sim.montecarlo.storage import parts
from sim.montecarlo.storage.folder import Folder
from sim.montecarlo.storage.identity import differences, files_of, identity
from sim.montecarlo.storage.place import Tell
from sim.montecarlo.storage.tables import read_worlds, write_worlds

if TYPE_CHECKING:
    from sim.scenario import Scenario

DESIGN, WORLDS = "design_sha256", "worlds"  # in the manifest of a part


class Archive:
    """The parts in a study's results folder.

    Parameters
    ----------
    folder : Folder
    scenario : Scenario
        The study's; the first of several.
    seed : int, optional
        That of the scenario by default.
    tell : callable
        Told if worlds cannot be put on disk. The study goes on.
    pace : Pace, optional

    Attributes
    ----------
    folder : Folder
    """

    def __init__(
        self,
        folder: Folder,
        scenario: "Scenario",
        seed: int | None = None,
        tell: Tell = lambda _: None,
        pace: Pace | None = None,
    ) -> None:
        self.folder = folder
        self._scenario = scenario
        self._seed = seed
        self._tell = tell
        self._pace = pace or Pace()
        self._places: defaultdict[str, list[Path]] = defaultdict(list)  # by design
        self._worlds: defaultdict[str, set[int]] = defaultdict(set)
        self._left: list[tuple[Checkpoints, Sample]] = []  # worlds of designs that are done with
        self._failed = False

    @cached_property
    def identity(self) -> Mapping[str, Any]:
        """What the worlds of all designs have in common."""
        seed = self._scenario.seed if self._seed is None else self._seed
        return identity(self._scenario, seed)

    # Taking out --------------------------------------------------------------------------------

    @property
    def worlds(self) -> int:
        """How many are on disk, of those that this study can use."""
        return sum(map(len, self._worlds.values()))

    @property
    def has_parts(self) -> bool:
        """Whether worlds of a study that was cut off lie there."""
        return parts.has_parts(self.folder)

    def resume(self) -> None:
        """Take up the worlds that lie there; parts that are not as they were written are set aside.

        Raises
        ------
        ResultError
            If all that lies there belongs to another study.
        """
        others: list[str] = []
        for place, part in parts.read_parts(self.folder):
            if different := differences(part.about, self.identity):
                others = others or different
                continue
            self._places[part.about[DESIGN]].append(place)
            self._worlds[part.about[DESIGN]].update(part.about[WORLDS])
        if others and not self._places:
            raise ResultError(
                f"results folder ({self.folder}) holds another study (differs in"
                f" {', '.join(others)}); run without --resume, into another --out"
            )

    # Putting in --------------------------------------------------------------------------------

    def drawer(self, scenario: "Scenario", seed: int, known_by: str) -> "Drawer":
        """Where the worlds of a design are: others if any of this is another.

        Parameters
        ----------
        scenario : Scenario
        seed : int
        known_by : str
            Made of the contents of the scenario, and of what else its worlds come from but files.
        """
        asked = json.dumps([known_by, seed, files_of(scenario)], sort_keys=True)
        return Drawer(self, hashlib.sha256(asked.encode()).hexdigest())

    def places(self, design: str) -> Sequence[Path]:
        """The parts that an earlier study left of a design."""
        return self._places.get(design, ())

    def checkpoints(self, drawer: "Drawer") -> Checkpoints:
        """What puts the worlds of a design on disk while they come in."""
        return _Checkpoints(self, drawer, self._tell_once, self._pace)

    def leave(self, checkpoints: Checkpoints, sample: Sample) -> None:
        """Have done with a design whose last worlds need not be on disk yet."""
        if checkpoints.is_waiting:
            self._left.append((checkpoints, sample))
        self.look()

    def look(self) -> None:
        """Put on disk what designs have left over, if it is time."""
        if self._left and self._pace.is_due:
            self.flush()

    def flush(self) -> None:
        """Put on disk what designs have left over."""
        left, self._left = self._left, []
        for checkpoints, sample in left:
            checkpoints.look(sample, urgent=True)
        self._left += [each for each in left if each[0].is_waiting]

    def keep(self, design: str, sample: Sample) -> None:
        """Put worlds of a design on disk; raises OSError if that is not possible."""
        about = {**self.identity, DESIGN: design, WORLDS: sample.worlds}
        parts.write_part(self.folder, lambda draft: write_worlds(sample, draft), about)
        self._worlds[design].update(sample.worlds)

    def clear(self) -> None:
        """Drop all worlds, for the answer that they made is on disk."""
        parts.remove_parts(parts.all_parts(self.folder))
        self._left = []
        self._places.clear()
        self._worlds.clear()

    def _tell_once(self, text: str) -> None:
        if not self._failed:
            self._tell(text)
        self._failed = True


class _Checkpoints(Checkpoints):
    """Those of a design; where its worlds are long in coming, what is left over does not wait."""

    def __init__(self, archive: Archive, drawer: "Drawer", tell: Tell, pace: Pace) -> None:
        super().__init__(drawer, tell, pace)
        self._archive = archive

    def look(self, sample: Sample, urgent: bool = False) -> None:
        if not self.is_waiting:
            self._archive.look()
        super().look(sample, urgent)


class Drawer:
    """The worlds of one design in an archive.

    Parameters
    ----------
    archive : Archive
    design : str
        Its name.
    """

    def __init__(self, archive: Archive, design: str) -> None:
        self._archive = archive
        self.design = design

    @contextmanager
    def opened(self, sample: Sample, worlds: int, draws: Draws | None) -> Iterator[Checkpoints]:
        """While the first worlds are simulated: adds those that are there, keeps the others.

        Parameters
        ----------
        sample : Sample
            What there is, and what comes in.
        worlds : int
        draws : dict of str to (worlds,) float64, optional
            Values of the inputs that they must have been drawn with.
        """
        for place in self._archive.places(self.design):
            found = _read(place)
            wanted = (each for each in found.worlds if each < worlds and each not in sample)
            sample.add_from(found, [each for each in wanted if _is_drawn(found, each, draws)])
        checkpoints = self._archive.checkpoints(self)
        try:
            yield checkpoints
        finally:
            self._archive.leave(checkpoints, sample)

    def keep(self, sample: Sample, found: Earlier) -> None:
        """Put worlds on disk, and what other designs have left over; files are of no use here."""
        self._archive.flush()
        self._archive.keep(self.design, sample)


def _read(place: Path) -> Sample:
    sample = Sample()
    try:
        read_worlds(place, sample)
    except (OSError, KeyError, ValueError) as error:
        raise ResultError(f"results folder ({place}) cannot be read: {error}") from error
    return sample


def _is_drawn(sample: Sample, world: int, draws: Draws | None) -> bool:
    """Whether a world has these values of its inputs."""
    return all(
        sample.figure(world, INPUT_PREFIX + path) == values[world]
        for path, values in (draws or {}).items()
    )
