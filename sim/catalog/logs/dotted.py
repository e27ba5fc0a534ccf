"""Keys of objects within objects, by dotted paths; a key may hold dots itself."""

from typing import Any

DEEPEST = 8
MOST = 1000


def flat(found: Any, before: tuple[str, ...] = ()) -> dict[str, tuple[str, ...]]:
    """Keys of all that is no object, by their dotted path; those further out come first.

    >>> flat({"input": {"tokens": 3}, "a.b": 1, "messages": [{}]})
    {'a.b': ('a.b',), 'messages': ('messages',), 'input.tokens': ('input', 'tokens')}
    """
    paths: dict[str, tuple[str, ...]] = {}
    level = [(before, found)]
    while level and len(paths) < MOST:
        deeper = []
        for keys, each in level:
            for key, value in each.items():
                place = (*keys, str(key))
                if isinstance(value, dict) and value and len(place) < DEEPEST:
                    deeper.append((place, value))
                else:
                    paths.setdefault(".".join(place), place)
        level = deeper
    return paths


def reach(found: Any, keys: tuple[str, ...]) -> Any:
    """What stands below some keys; None if nothing does.

    >>> reach({"input": {"tokens": 3}}, ("input", "tokens")), reach({"input": None}, ("input", "x"))
    (3, None)
    """
    for key in keys:
        if not isinstance(found, dict):
            return None
        found = found.get(key)
    return found
