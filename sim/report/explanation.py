"""What a key of a scenario means, a word of the answers, or a name of their figures.

People type what they have read or would say themselves. A path or the name of a key is looked up
first, then words of the answers, whatever people call them, then figures by their names in the
JSON; after that come keys that have the word in their name, and keys whose text speaks of it.
"""

import difflib
import textwrap
from collections.abc import Iterator, Sequence
from itertools import islice

from sim.errors import PeakfleetError
from sim.report.figures import BY_METRIC, GROUPS, Figure
from sim.report.glossary import GLOSSARY, SAID_AS, is_word, known_by, meaning, words_in
from sim.report.paragraph import filled
from sim.report.reference_text import key_text, places_text
from sim.report.schema.answers import metrics_schema
from sim.scenario.reference import Key, all_keys, key_at, keys_named

FEW = 8  # keys that are listed at most
NEAR = 0.75  # of a word to the one that was meant


def explained(name: str, width: int) -> str:
    """The text on a path, a key's name, a word or a phrase.

    Parameters
    ----------
    name : str
    width : int
        Columns.

    Raises
    ------
    PeakfleetError
        If nothing is known of it; near words and keys are named.
    """
    parts = [*_keys_and_words(name, width)] or [*_related(name, width)]
    if not parts:
        raise _unknown(name)
    return "\n\n".join(parts)


def _keys_and_words(name: str, width: int) -> Iterator[str]:
    """What is called so."""
    word = known_by(name)
    keys = _keys(name) or ([] if is_word(word) else _keys(word))
    if is_word(word):
        asked = name if is_word(name) else word
        yield filled(f"{asked}: {meaning(word)}")
    elif not keys:
        found = [*words_in(name).items(), *_figures(word)]
        yield from (filled(f"{each}: {text}") for each, text in found)
    if len(keys) > 1:
        yield places_text(keys[0].path.rpartition(".")[2], keys, width)
    for key in keys if len(keys) == 1 else []:
        below = [key_at(f"{key.path}.{each}" if key.path else each) for each in key.below]
        yield key_text(key, below, width)


def _keys(name: str) -> list[Key]:
    """The key of a path, or the keys of a name, which may be written as words."""
    try:
        return [key_at(name)]
    except PeakfleetError:
        written = "_".join(name.casefold().replace("-", " ").split())
        return keys_named(name) or keys_named(written)


def _figures(name: str) -> Iterator[tuple[str, str]]:
    """The figure of a metric's name, or of the title of its row."""
    title = " ".join(name.casefold().split())
    metric = "_".join(title.replace("-", " ").split())
    for group, figures in GROUPS.items():
        if title == group.casefold():
            yield group, f"Figures of every run: {', '.join(each.label for each in figures)}."
        for figure in figures:
            if metric in (figure.metric, figure.metric.removesuffix("_s")):
                yield figure.metric, f"{figure.label}. {_told(figure, group)}"
            elif title == figure.label.casefold():
                yield figure.label, f"{figure.metric} in JSON. {_told(figure, group)}"


def _told(figure: Figure, group: str) -> str:
    """What a figure is, and where it stands."""
    known = metrics_schema()["properties"].get(figure.metric)
    said = f"{known['description']} " if known else ""
    unit = f", in {figure.unit}" if figure.unit not in ("", "%") else ""
    return f"{said}A figure of every run, under {group}{unit}."


def _related(name: str, width: int) -> Iterator[str]:
    """Keys that have the word in their name, or else speak of it."""
    plain = " ".join(name.casefold().replace("_", " ").replace("-", " ").split())
    if len(plain) < 2 or "." in plain:
        return
    singular = plain.removesuffix("s")
    every = all_keys()
    named = [each for each in every if singular in _last(each).replace("_", " ").split()]
    named = named or [each for each in every if f" {plain} " in f" {_spaced(each)} "]
    speaking = named or [each for each in every if f" {singular}" in f" {each.text.casefold()}"]
    if not speaking:
        return
    how = "in their name" if named else "in their text"
    yield _listed(
        f"Keys with '{name}' {how} ('sim explain PATH' has all of each):", speaking, width
    )


def _last(key: Key) -> str:
    return key.path.rpartition(".")[2]


def _spaced(key: Key) -> str:
    return _last(key).replace("_", " ")


def _listed(title: str, keys: Sequence[Key], width: int) -> str:
    lines = [title]
    for each in islice(keys, FEW):
        lines += ["", f"  {each.path}"]
        text = textwrap.shorten(each.text, 2 * width, placeholder=" …")
        lines += textwrap.wrap(text, width - 4, initial_indent="    ", subsequent_indent="    ")
    more = len(keys) - FEW
    return "\n".join([*lines, *(["", f"  and {more} more"] if more > 0 else [])])


def _unknown(name: str) -> PeakfleetError:
    """The error for what nobody knows, with what may have been meant."""
    if "." in name:
        try:
            key_at(name)
        except PeakfleetError as error:
            return error
    keys = {_last(each) for each in all_keys()}
    known = {each.casefold(): each for each in sorted({*GLOSSARY, *SAID_AS, *keys, *BY_METRIC})}
    near = difflib.get_close_matches(name.casefold(), known, 3, NEAR)
    meant = f"did you mean {' or '.join(known[each] for each in near)}? " if near else ""
    return PeakfleetError(
        f"{name}: no key of a scenario, word of the answers or figure is called so"
        f" ({meant}'sim explain glossary' lists the words, 'sim explain --all' the keys)"
    )
