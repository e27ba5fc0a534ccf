"""``sim explain``: what a key of a scenario means, and what a word of the answers does."""

import shutil

import click

from sim.cli.completion import KEY
from sim.errors import PeakfleetError

WIDEST = 98
ALL_WORDS = ("glossary", "words")


@click.command()
@click.argument("key", type=KEY, required=False, default="")
@click.option("--all", "everything", is_flag=True, help="Print all keys, as Markdown.")
def explain(key: str, everything: bool) -> None:
    """Print what KEY of a scenario means, takes and defaults to, and the keys inside it.

    KEY is a path such as backends.large.autoscaler or workloads.chat.slo, or the name of a key
    alone; without one the top of a scenario is explained. It may be a word of the answers, too,
    such as headroom; "glossary" prints all of these.

    \b
    sim explain workloads.chat.slo
    sim explain rate_scale
    sim explain headroom
    sim explain glossary
    """  # noqa: D301 (click reads the \b)
    from sim.report.glossary import glossary_lines
    from sim.report.reference_text import reference
    from sim.scenario.reference import all_keys

    if everything:
        click.echo(reference(all_keys()))
    elif key.casefold() in ALL_WORDS:
        click.echo("\n".join(glossary_lines()))
    else:
        click.echo(_explained(key))


def _explained(name: str) -> str:
    """The key of a path, the word, or the keys of a name."""
    from sim.report.glossary import is_word, meaning, words_in
    from sim.report.paragraph import filled
    from sim.report.reference_text import key_text, places_text
    from sim.scenario.reference import key_at, keys_named

    width = min(shutil.get_terminal_size((WIDEST, 0)).columns, WIDEST)
    try:
        keys = [key_at(name)]
    except PeakfleetError:
        keys = keys_named(name)
        if not keys and not is_word(name):
            if found := words_in(name):
                return "\n\n".join(filled(f"{word}: {text}") for word, text in found.items())
            raise
    said = [filled(f"{name}: {meaning(name)}")] if is_word(name) else []
    if len(keys) > 1:
        said.append(places_text(name, keys, width))
    for key in keys if len(keys) == 1 else []:
        below = [key_at(f"{key.path}.{each}" if key.path else each) for each in key.below]
        said.append(key_text(key, below, width))
    return "\n\n".join(said)
