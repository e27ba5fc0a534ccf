"""Blocks of prompts in the naive simulator: their names, and the cache that a replica keeps."""

from collections import Counter, OrderedDict
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from itertools import takewhile

Name = int | tuple[str, int, int]  # as fed; or a block of a task, numbered within it


@dataclass(slots=True)
class Cache:
    """Named blocks, the least recently used first; without any room unless told."""

    block_tokens: int = 1
    blocks: int = 0
    kept: OrderedDict[Name, None] = field(default_factory=OrderedDict)
    evicted: int = 0
    shared: int = 0
    size: int = 0  # of the KV cache it takes nothing
    fall: "Callable[[Name], None]" = lambda name: None  # what becomes of what is dropped

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
            dropped, _ = self.kept.popitem(last=False)
            self.evicted += 1
            self.fall(dropped)

    def held(self, names: Sequence[Name]) -> int:
        """Nobody holds anything of it."""
        return 0

    def squeeze(self, free: int) -> None:
        """Its memory is its own."""


@dataclass(slots=True)
class SharedCache:
    """Named blocks in the KV cache: those that requests hold, and others, the next to go first.

    A named block takes ``size`` blocks of the KV cache, once, however many hold it.
    """

    block_tokens: int
    size: int
    free: int
    holders: Counter[Name] = field(default_factory=Counter)
    idle: OrderedDict[Name, None] = field(default_factory=OrderedDict)
    evicted: int = 0
    shared: int = 0
    fall: "Callable[[Name], None]" = lambda name: None  # what becomes of what is dropped

    def leading(self, names: Sequence[Name]) -> int:
        """How many of the names are there, in a row from the first."""
        return len([*takewhile(lambda name: self.holders[name] or name in self.idle, names)])

    def held(self, names: Sequence[Name]) -> int:
        """How many of the names somebody holds, in a row from the first."""
        return len([*takewhile(lambda name: self.holders[name], names)])

    def hold(self, names: Sequence[Name]) -> int:
        """One more holds these; how many of them were held already."""
        before = 0
        for name in names:
            self.idle.pop(name, None)
            self.holders[name] += 1
            before += self.holders[name] > 1
        self.shared += before
        return before

    def let_go(self, names: Sequence[Name]) -> int:
        """One fewer holds these, the first let go of last; how many nobody holds any more."""
        gone = 0
        for name in reversed(names):
            self.holders[name] -= 1
            if not self.holders[name]:
                self.idle[name] = None
                gone += 1
        return gone

    def keep(self, names: Sequence[Name]) -> None:
        """What has been said and heard by one who has left, as far as there is room."""
        self.hold(names)
        self.let_go(names)
        self.squeeze(self.free)

    def use_leading(self, names: Sequence[Name]) -> None:
        """They are held instead."""

    def squeeze(self, free: int) -> None:
        """So many blocks are neither held nor a request's own: what is idle lies in them."""
        self.free = free
        while len(self.idle) * self.size > free:
            dropped, _ = self.idle.popitem(last=False)
            self.evicted += 1
            self.fall(dropped)


def names_of_task(task: int, blocks: int) -> tuple[Name, ...]:
    """The leading blocks of what has been said in a task."""
    return tuple(("task", task, block) for block in range(blocks))
