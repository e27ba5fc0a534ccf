"""``sim init``: a first scenario, from a few answers."""

import shlex
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final, Literal

import click

from sim.cli.completion import API, GPU, MODEL
from sim.cli.delivery import Advice
from sim.cli.outputs import check_outputs

if TYPE_CHECKING:
    from sim.studies.first.scenario import Wishes

TEMPLATES = (
    *("chat", "rag", "code", "agents", "batch", "voice"),
    *("rag-chain", "embedding", "rerank", "vision", "speech", "image"),
)
SERVED_BY = ("api", "gpus", "both")
STDOUT = "-"


class Amount(click.ParamType[float]):
    """A number above 0 as scenarios have them: ``20k``, ``38,000 USD``."""

    name = "number"

    def __init__(self, kind: Literal["count", "money"]) -> None:
        self.kind: Final = kind

    def convert(
        self, value: str | float, param: click.Parameter | None, ctx: click.Context | None
    ) -> float:
        """As a number."""
        from sim.scenario.values.units import parse_quantity

        try:
            found = float(parse_quantity(str(value).strip(), self.kind))
        except ValueError as error:
            self.fail(str(error), param, ctx)
        if not found > 0:
            self.fail(f"{value!r} must be above 0, such as 20k", param, ctx)
        return found


COUNT: Final = Amount("count")
MONEY: Final = Amount("money")


@click.command(short_help="Write a first scenario: chat, RAG, code, agents, batch, images, …")
@click.argument("file", type=click.Path(), default="first.yaml")
@click.option(
    "--template",
    type=click.Choice(TEMPLATES),
    metavar="NAME",
    help=f"What it is for: {', '.join(TEMPLATES)}.  [default: chat]",
)
@click.option(
    "--serve", "served_by", type=click.Choice(SERVED_BY), help="Who answers.  [default: api]"
)
@click.option("--volume", type=COUNT, help="Requests or tasks a day, documents a night: 20k.")
@click.option("--from-trace", "log", type=click.Path(), help="The traffic of a log instead.")
@click.option(
    "--from-bill", "bill", type=MONEY, metavar="USD", help="An API's bill by the month instead."
)
@click.option("--api", type=API, help="Model of the API.  [default: gpt-4.1-mini]")
@click.option(
    "--model",
    type=MODEL,
    help="Model or profile on GPUs, or the API's if that answers.  [default: llama-3.3-70b]",
)
@click.option("--gpu", type=GPU, help="Its GPU.  [default: one on which the model was measured]")
@click.option("--force", is_flag=True, help="Replace the file if it is there.")
@click.option("--quiet", is_flag=True, help="Ask and say nothing.")
def init(file: str, force: bool, quiet: bool, log: str | None, **given: Any) -> None:
    """Write FILE, a scenario that runs as it stands and says what to change ("-" for stdout).

    On a terminal at most five questions are asked; options answer them before.

    \b
    sim init
    sim init shop.yaml --template rag --serve both --volume 20k --model qwen3-32b
    sim init ours.yaml --from-trace requests.csv.gz --serve gpus
    sim init bill.yaml --from-bill 38k --model gpt-4.1
    """  # noqa: D301 (Click wants the control character itself)
    from sim.catalog.hardware import form_taken

    advice = Advice(quiet)
    to_stdout = file == STDOUT
    if not to_stdout:
        check_outputs({"FILE": Path(file)}, [] if log is None else [log], force)
    if log is not None and (given["volume"] or given["bill"] or given["template"]):
        raise click.UsageError(
            "--from-trace has its traffic from the log: without --template, --volume, --from-bill"
        )
    if given["volume"] and given["bill"]:
        raise click.UsageError("--volume and --from-bill both say how much there is: give one")
    asks = not quiet and not to_stdout and sys.stdin.isatty() and sys.stderr.isatty()
    wishes = _wishes(given, has_log=log is not None, asks=asks)
    text = _text(wishes, "first.yaml" if to_stdout else shlex.quote(file), log)
    _check(text, "first.yaml" if to_stdout else file, wishes)
    if wishes.gpu and (taken := form_taken(wishes.gpu)):
        advice.say(taken)
    if to_stdout:
        click.echo(text, nl=False)
        return
    _write(Path(file), text)
    advice.say(f"a scenario in {file}; next: {_next(wishes, file)}")


def _wishes(given: dict[str, Any], has_log: bool, asks: bool) -> "Wishes":
    """What was asked for, by options, by answers, or by default."""
    from sim.catalog import api_models
    from sim.catalog.naming import known_as
    from sim.studies.first.kind import KINDS
    from sim.studies.first.pool import DEFAULT_MODEL
    from sim.studies.first.scenario import DEFAULT_API, Wishes

    kind, bill = given["template"], given["bill"]
    model, api, gpu = given["model"], given["api"], given["gpu"]
    of_api = model is not None and api is None and known_as(model, api_models()) is not None
    served_by = given["served_by"]
    if asks and kind is None and not has_log:
        kind = _ask("What is it for", "chat", click.Choice(TEMPLATES))
    only_gpus = kind is not None and bool(KINDS[kind].needs_gpus)
    if asks and served_by is None and not of_api and not only_gpus:
        served_by = _ask("Who answers", "both" if bill else "api", click.Choice(SERVED_BY))
    if served_by is None and only_gpus:
        served_by = "gpus"
    if served_by is None:
        wants_gpus = gpu is not None or (model is not None and not of_api)
        served_by = "both" if bill or (wants_gpus and api) else "gpus" if wants_gpus else "api"
    if of_api and (served_by == "api" or bill):
        api, model = model, None
    kind = kind or "chat"
    volume = given["volume"]
    if asks and volume is None and bill is None and not has_log:
        volume = _ask(KINDS[kind].counted.capitalize(), str(KINDS[kind].volume), COUNT)
    if asks and api is None and served_by != "gpus":
        api = _ask("Model of the API", DEFAULT_API)
    if asks and model is None and served_by != "api" and not KINDS[kind].step:
        model = _ask("Model on GPUs", KINDS[kind].model or DEFAULT_MODEL)
    return Wishes(kind, served_by, volume, bill, api, model, gpu)


def _ask(question: str, default: str, kind: Any = None) -> Any:
    return click.prompt(question, default=default, type=kind, err=True)


def _text(wishes: "Wishes", file: str, log: str | None) -> str:
    """The scenario, read as whoever runs it will."""
    from datetime import date

    from sim.studies.first.backends import beside_a_log
    from sim.studies.first.pool import DEFAULT_MODEL
    from sim.studies.first.scenario import DEFAULT_API, first_scenario

    if log is None:
        return first_scenario(wishes, file, date.today())
    from sim.cli.logs import BY_TRACE, log_at
    from sim.studies.traffic.contents import contents
    from sim.studies.traffic.whole import scenario_yaml

    found = contents(log_at(log, how=BY_TRACE))
    api = None if wishes.served_by == "gpus" else wishes.api or DEFAULT_API
    model = None if wishes.served_by == "api" else wishes.model or DEFAULT_MODEL
    return scenario_yaml(found, {}, beside_a_log(found, api, model, wishes.gpu))


def _check(text: str, file: str, wishes: "Wishes") -> None:
    """Read it as whoever runs it will, before anything is written.

    Where the traffic cannot be as much or as little as was asked for, the option is named.
    """
    from sim.errors import ScenarioError
    from sim.scenario import load_scenario
    from sim.scenario.text.yaml_file import Written

    try:
        load_scenario(Written(text, file, Path(file).parent))
    except ScenarioError as error:
        option = "--volume" if wishes.usd_per_month is None else "--from-bill"
        amount = wishes.volume if wishes.usd_per_month is None else wishes.usd_per_month
        said = [each.message for each in error.problems if ".arrivals." in each.key]
        if amount is None or not said:
            raise
        raise click.UsageError(f"{option} {amount:g}: {said[0]}") from None


def _write(path: Path, text: str) -> None:
    from sim.errors import ResultError

    try:
        path.write_text(text, encoding="utf-8")
    except OSError as error:
        raise ResultError(f"{path}: cannot be written: {error.strerror}") from None


def _next(wishes: "Wishes", file: str) -> str:
    from sim.studies.first.kind import KINDS
    from sim.studies.first.scenario import decision

    if wishes.served_by == "both":
        return decision(KINDS[wishes.kind], file)
    return f"sim run {file}"
