"""``sim explore``: a page on which the numbers of a scenario can be moved."""

from pathlib import Path

import click

from sim.cli.completion import OVERRIDE
from sim.cli.delivery import Advice
from sim.cli.values import ALLOW_CODE

WORLDS = 32


@click.command(short_help="A live page: move numbers of a scenario, see what comes of it.")
@click.argument("scenario", metavar="SCENARIO|RUN", type=click.Path(path_type=Path))
@click.option(
    "--worlds",
    type=click.IntRange(min=1),
    default=WORLDS,
    show_default=True,
    help="Most worlds of an answer; the first comes after two.",
)
@click.option("--seed", type=click.IntRange(min=0), help="Seed of all random numbers.")
@click.option("--jobs", type=click.IntRange(min=1), help="Worker processes.  [default: all cores]")
@click.option(
    "--set",
    "overrides",
    type=OVERRIDE,
    multiple=True,
    metavar="PATH=VALUE",
    help="Change the scenario. Repeatable.",
)
@click.option(
    "--host",
    "address",
    default="127.0.0.1",
    show_default=True,
    help="Address to listen on; others than loopback can be reached from other machines.",
)
@click.option(
    "--port", type=click.IntRange(0, 65535), default=0, help="Port.  [default: any that is free]"
)
@click.option("--open", "opens", is_flag=True, help="Open it in the browser.")
@ALLOW_CODE
@click.option("--quiet", is_flag=True, help="No advice.")
def explore(
    scenario: Path,
    worlds: int,
    seed: int | None,
    jobs: int | None,
    overrides: tuple[str, ...],
    address: str,
    port: int,
    opens: bool,
    allow_code: bool,
    quiet: bool,
) -> None:
    """Serve a page with the main numbers of SCENARIO, which answers anew when one is moved.

    SCENARIO is a YAML file, or the results folder of a run. The page shows what 'sim run' reports,
    of a few worlds at once and then of more, and saves the changed scenario with its comments. Only
    who has the printed address can open it. Ctrl-C ends it.

    \b
    sim explore scenarios/quickstart.yaml
    sim explore outputs/three --open
    """  # noqa: D301 (click reads the \b)
    import webbrowser

    from sim.cli.run import compile_once
    from sim.explore import explore as serve
    from sim.studies.case import Case

    advice = Advice(quiet)
    is_run = scenario.is_dir()
    path = scenario / "scenario.yaml" if is_run else scenario
    if seed is not None:
        overrides = (*overrides, f"seed={seed}")
    case = Case(path, overrides, allow_code)
    compile_once(advice, [case.load()], None, jobs)

    def announce(url: str) -> None:
        click.echo(url)
        advice.say("open this address in a browser; Ctrl-C ends it")
        if opens:
            webbrowser.open(url)

    # Files that the resolved scenario of a run names are named by absolute paths.
    folder = Path.cwd() if is_run else path.parent
    serve(case, folder, announce, address=address, port=port, jobs=jobs, worlds=worlds)
