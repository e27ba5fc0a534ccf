"""``sim explain``: what a key of a scenario means, and what a word of the answers does."""

import shutil

import click

from sim.cli.completion import KEY

WIDEST = 98
ALL_WORDS = ("glossary", "words")


@click.command()
@click.argument("key", type=KEY, required=False, default="")
@click.option("--all", "everything", is_flag=True, help="Print all keys, as Markdown.")
def explain(key: str, everything: bool) -> None:
    """Print what KEY of a scenario means, takes and defaults to, and the keys inside it.

    KEY is a path such as backends.large.autoscaler or workloads.chat.slo, or the name of a key
    alone; without one the top of a scenario is explained. It may be a word of the answers, too,
    such as headroom, or a figure's name; "glossary" prints all of these words. What is called
    otherwise leads to keys that have or speak of it.

    \b
    sim explain workloads.chat.slo
    sim explain rate_scale
    sim explain headroom
    sim explain glossary
    """  # noqa: D301 (click reads the \b)
    from sim.report.explanation import explained
    from sim.report.glossary import glossary_lines
    from sim.report.reference_text import reference
    from sim.scenario.reference import all_keys

    if everything:
        click.echo(reference(all_keys()))
    elif key.casefold() in ALL_WORDS:
        click.echo("\n".join(glossary_lines()))
    else:
        width = min(shutil.get_terminal_size((WIDEST, 0)).columns, WIDEST)
        click.echo(explained(key, width))
