"""Blocks of prompts in the naive simulator: their names, and the cache that a replica keeps."""

from collections import OrderedDict
from collections.abc import Sequence
from dataclasses import dataclass, field

Name = int | tuple[str, int, int]  # as fed; or a block of a task, numbered within it


@dataclass(slots=True)
class Cache:
    """Named blocks, the least recently used first; without any room unless told."""

    block_tokens: int = 1
    blocks: int = 0
    kept: OrderedDict[Name, None] = field(default_factory=OrderedDict)
    evicted: int = 0

    def leading(self, names: Sequence[Name]) -> int:
        """How many of the names are there, in a row from the first."""
        found = 0
        while found < len(names) and names[found] in self.kept:
            found += 1
        return found

    def use_leading(self, names: Sequence[Name]) -> None:
        """Note the use of those that are there, the first block last: it is of use to most."""
        for name in reversed(names[: self.leading(names)]):
            self.kept.move_to_end(name)

    def keep(self, names: Sequence[Name]) -> None:
        """Take them in, as many as there is room for, and let go of the least recently used."""
        for name in reversed(names[: self.blocks]):
            self.kept[name] = None
            self.kept.move_to_end(name)
        while len(self.kept) > self.blocks:
            self.kept.popitem(last=False)
            self.evicted += 1


def names_of_task(task: int, blocks: int) -> tuple[Name, ...]:
    """The leading blocks of what has been said in a task."""
    return tuple(("task", task, block) for block in range(blocks))
