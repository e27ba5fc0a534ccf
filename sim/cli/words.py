"""``sim catalog words``: what the words of the answers mean."""

import click


@click.command()
@click.argument("word", required=False)
def words(word: str | None) -> None:
    """Print what WORD means in the answers, or all words, each with one meaning."""
    from sim.report.glossary import glossary_lines, meaning
    from sim.report.paragraph import filled

    for line in glossary_lines() if word is None else [filled(meaning(word))]:
        click.echo(line)
