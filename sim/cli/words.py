"""``sim catalog words``: what the words of the answers mean."""

import textwrap

import click

WIDTH = 96


@click.command()
@click.argument("word", required=False)
def words(word: str | None) -> None:
    """Print what WORD means in the answers, or all words, each with one meaning."""
    from sim.report.glossary import GLOSSARY, meaning

    if word is not None:
        click.echo(textwrap.fill(meaning(word), WIDTH))
        return
    margin = max(map(len, GLOSSARY)) + 2
    for each, text in GLOSSARY.items():
        first = click.style(each, bold=True) + " " * (margin - len(each))
        lines = textwrap.wrap(text, WIDTH - margin)
        click.echo(first + ("\n" + " " * margin).join(lines))
