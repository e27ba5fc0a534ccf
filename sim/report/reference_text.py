"""A key of a scenario as text, and all of them as Markdown."""

import textwrap
from collections.abc import Iterable, Sequence

from sim.scenario.reference import NAMED, Key

MARGIN = 11


def key_text(key: Key, below: Iterable[Key], width: int) -> str:
    """A key, and the first words on each of those inside it.

    Parameters
    ----------
    key : Key
    below : iterable of Key
        The keys inside it.
    width : int
        Columns.
    """
    lines = [key.path or "scenario"]
    lines += textwrap.wrap(key.text, width - 2, initial_indent="  ", subsequent_indent="  ")
    facts = {
        "takes": "; or ".join(key.takes),
        "bounds": key.bounds,
        "default": key.default,
        "example": f"{_last(key.path)}: {key.example}",
    }
    if key.path:
        lines.append("")
        lines += [line for name, fact in facts.items() if fact for line in _fact(name, fact, width)]
    inside = list(below)
    if inside:
        margin = min(max(len(_last(each.path)) for each in inside) + 4, 30)
        lines += ["", "  keys"]
        for each in inside:
            name = f"    {_last(each.path)}".ljust(margin + 2) + "  "
            mark = f"{', '.join(each.kinds)}: " if each.kinds else ""
            mark += "required; " if each.default == "required" else ""
            text = textwrap.shorten(mark + each.text, max(width - len(name), 20), placeholder=" …")
            lines.append(name + text)
    return "\n".join(lines)


def places_text(name: str, keys: Sequence[Key], width: int) -> str:
    """Where the keys of a name stand, each with its first words."""
    lines = [f"{name} is a key at {len(keys)} places; 'sim explain PATH' has all of it:"]
    for each in keys:
        lines += ["", f"  {each.path}"]
        text = textwrap.shorten(each.text, 2 * width, placeholder=" …")
        lines += textwrap.wrap(text, width - 4, initial_indent="    ", subsequent_indent="    ")
    return "\n".join(lines)


def reference(keys: Iterable[Key]) -> str:
    """All keys as one Markdown document."""
    parts = ["# Keys of a scenario", "", f"`{NAMED}` is a name that you choose.", ""]
    for key in keys:
        parts += [f"## `{key.path}`", "", key.text, ""]
        parts.append(f"- takes: {'; or '.join(key.takes)}")
        if key.bounds:
            parts.append(f"- bounds: {key.bounds}")
        parts += [f"- default: {key.default}", f"- example: `{_last(key.path)}: {key.example}`", ""]
    return "\n".join(parts).rstrip()


def _last(path: str) -> str:
    return path.rpartition(".")[2]


def _fact(name: str, fact: str, width: int) -> list[str]:
    indent = " " * MARGIN
    first = f"  {name}".ljust(MARGIN)
    return textwrap.wrap(
        fact, max(width, 30), initial_indent=first, subsequent_indent=indent, break_on_hyphens=False
    )
