"""``sim explain``: what a key of a scenario means."""

import shutil

import click

from sim.cli.completion import KEY

WIDEST = 98


@click.command()
@click.argument("key", type=KEY, required=False, default="")
@click.option("--all", "everything", is_flag=True, help="Print all keys, as Markdown.")
def explain(key: str, everything: bool) -> None:
    """Print what KEY of a scenario means, takes and defaults to, and the keys inside it.

    KEY is a path such as backends.large.autoscaler or workloads.chat.slo; without one the top of a
    scenario is explained. What the words of the answers mean is in "sim catalog words".
    """
    from sim.report.reference_text import key_text, reference
    from sim.scenario.reference import all_keys, key_at

    if everything:
        click.echo(reference(all_keys()))
        return
    found = key_at(key)
    below = [key_at(f"{found.path}.{name}" if found.path else name) for name in found.below]
    width = min(shutil.get_terminal_size((WIDEST, 0)).columns, WIDEST)
    click.echo(key_text(found, below, width))
