"""``sim catalog words``: what the words of the answers mean."""

import click


@click.command()
@click.argument("word", required=False)
def words(word: str | None) -> None:
    """Print what WORD means in the answers, or all words, each with one meaning."""
    from sim.report.glossary import GLOSSARY, meaning
    from sim.report.paragraph import answer_width, filled, lines_of

    if word is not None:
        click.echo(filled(meaning(word)))
        return
    margin = max(map(len, GLOSSARY)) + 2
    for each, text in GLOSSARY.items():
        first = click.style(each, bold=True) + " " * (margin - len(each))
        lines = lines_of(text, answer_width() - margin)
        click.echo(first + ("\n" + " " * margin).join(lines))
