"""Names as people write them: ``Qwen/Qwen3-32B``, ``gpt4.1``, ``claude haiku 4.5``.

A name stands for the one of the catalogue that has the same words and numbers, whatever lies
between them. Whose it is, and what says only how it was tuned or in which number format it is
stored, is left out: it changes no figure of the architecture. A name that fits two stands for
neither.
"""

import re
from collections.abc import Iterable

_PART = re.compile(r"[a-z]+|\d+")
_TUNED = {"instruct", "it", "chat", "hf", "preview", "latest"}
_STORED = {"bf16": "bf16", "fp16": "fp16", "fp8": "fp8"}
_STORED |= dict.fromkeys(("fp4", "nvfp4", "mxfp4"), "fp4")
_OF = {"meta": "llama"}  # the maker in front of a name, where the catalogue leaves it out


def known_as(name: str, known: Iterable[str]) -> str | None:
    """The name in the catalogue that ``name`` stands for; None if none, or several.

    Examples
    --------
    >>> known_as("Qwen/Qwen3-32B", ["qwen3-32b", "qwen3-8b"])
    'qwen3-32b'
    >>> known_as("gpt4.1", ["gpt-4.1", "gpt-4.1-mini"]), known_as("A100", ["a100-80g-sxm"])
    ('gpt-4.1', None)
    """
    word, names = name.casefold().strip(), list(known)
    if word in names:
        return word
    last = word.rpartition("/")[2]
    for parts in (_parts(word), _parts(last), _bare(last)):
        same = [each for each in names if _parts(each) == parts]
        if parts and len(same) == 1:
            return same[0]
    return None


def stored_as(name: str) -> str | None:
    """The precision that a name says, as those of checkpoints do; None if it says none.

    >>> stored_as("nvidia/Llama-3.3-70B-Instruct-FP4"), stored_as("Qwen/Qwen3-32B")
    ('fp4', None)
    """
    last = re.split(r"[-_/\s]", name.casefold().strip())[-1]
    return _STORED.get(last)


def beginning_with(name: str, known: Iterable[str]) -> list[str]:
    """Names of the catalogue that say the same as ``name`` and then more.

    >>> beginning_with("A100", ["a100-80g-sxm", "a10", "a100-40g-sxm"])
    ['a100-80g-sxm', 'a100-40g-sxm']
    """
    parts = _bare(name.casefold().rpartition("/")[2])
    return [each for each in known if parts and _parts(each)[: len(parts)] == parts]


def _parts(word: str) -> list[str]:
    return _PART.findall(word)


def _bare(word: str) -> list[str]:
    """The parts of a name without its maker, its tuning and its number format."""
    if stored_as(word) is not None:
        word = re.sub(r"[-_\s]*[a-z0-9]+\s*$", "", word)
    parts = _parts(word)
    if len(parts) > 1 and _OF.get(parts[0]) == parts[1]:
        parts = parts[1:]
    tuned = (at for at in range(1, len(parts)) if parts[at] in _TUNED)
    return parts[: next(tuned, len(parts))]
