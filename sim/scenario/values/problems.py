"""Problems of a document, gathered so that all of them are reported at once."""

from collections.abc import Collection, Iterable
from dataclasses import dataclass, field, replace
from difflib import get_close_matches
from pathlib import Path as FilePath

Path = tuple[str | int, ...]


def dotted(path: Path) -> str:
    """``workloads.chat.events.0.factor``: how a path is written in messages and in ``--set``."""
    return ".".join(str(part) for part in path)


@dataclass(frozen=True, slots=True)
class Finding:
    """One thing wrong at a place of the document, before file and line are known."""

    path: Path
    message: str
    remedy: str = ""


@dataclass(slots=True)
class Findings:
    """Everything wrong found so far."""

    found: list[Finding] = field(default_factory=list)

    def add(self, path: Path, message: str, remedy: str = "") -> None:
        """Note a problem at ``path``."""
        self.found.append(Finding(path, message, remedy))

    def __bool__(self) -> bool:
        return bool(self.found)


@dataclass(frozen=True, slots=True)
class Spot:
    """A value being read: where it stands, where its problems go, where its files lie."""

    path: Path
    findings: Findings
    folder: FilePath

    def below(self, key: str | int) -> "Spot":
        """The spot of an entry."""
        return replace(self, path=(*self.path, key))

    def wrong(self, message: str, remedy: str = "") -> None:
        """Note a problem here."""
        self.findings.add(self.path, message, remedy)


SYNONYMS = {  # what people call a key, and what it is called here
    "rps": "requests_per_second",
    "qps": "requests_per_second",
    "rate": "requests_per_second",
    "rpd": "requests_per_day",
    "input_tokens": "prompt_tokens",
    "tokens_in": "prompt_tokens",
    "completion_tokens": "output_tokens",
    "tokens_out": "output_tokens",
    "max_tokens": "output_tokens",
    "type": "kind",
    "profile": "service",
    "instances": "replicas",
    "pods": "replicas",
    "copies": "replicas",
    "count": "replicas",
    "cost": "price",
    "runs": "worlds",
    "samples": "worlds",
    "replications": "worlds",
    "in": "input",
    "out": "output",
    "hours": "duration",
    "weeks": "days",
    "usd_per_hour": "usd_per_gpu_hour",
    "price_per_hour": "usd_per_gpu_hour",
}


def _meant(word: str, known: Collection[str]) -> str:
    """The key that another name stands for, or the same words in another order; else empty."""
    word = word.replace("/", "_per_").replace("-", "_").replace(" ", "_")
    meant = SYNONYMS.get(word, "")
    if meant in known:
        return meant
    parts = sorted(word.split("_"))
    return next((each for each in known if sorted(each.split("_")) == parts), "")


def nearest(word: str, words: Iterable[str]) -> str:
    """A remedy that names the word most like ``word``; empty if none is like it.

    Examples
    --------
    >>> nearest("mx", ["max", "min"])
    "did you mean 'max'?"
    """
    known = {candidate.lower(): candidate for candidate in words}
    meant = _meant(word.lower(), known)
    if meant:
        return f"did you mean '{known[meant]}'?"
    close = get_close_matches(word.lower()[:80], known, n=1, cutoff=0.6)
    return f"did you mean '{known[close[0]]}'?" if close else ""


MOST_NAMED = 30  # in a message


def choose(word: str, words: Iterable[str]) -> str:
    """The nearest of ``words``, or else all of them if they are few."""
    every = list(words)
    if remedy := nearest(word, every):
        return remedy
    return f"one of {', '.join(every)}" if 0 < len(every) <= MOST_NAMED else ""
