"""The controls as HTML, above the answer."""

from collections.abc import Sequence
from importlib.resources import files
from itertools import groupby

from sim.explore.controls import Control
from sim.report.page.escape import as_html, as_script_json

STEPS = 1000  # of a slider


def panel(controls: Sequence[Control], token: str, name: str) -> str:
    """Controls, progress and how to save.

    Parameters
    ----------
    controls : sequence of Control
    token : str
        Which the page's script shows with each request.
    name : str
        Of the file that is proposed.
    """
    groups = "".join(
        f"<fieldset><legend><bdi>{as_html(group)}</bdi></legend>"
        + "".join(map(_control, found))
        + "</fieldset>"
        for group, found in groupby(controls, key=lambda each: each.group)
    )
    about = as_script_json({"token": token, "controls": [each.as_json() for each in controls]})
    return (
        '<div id="explore"><form id="controls" autocomplete="off">'
        f"{groups or '<p>This scenario has no number that can be moved here.</p>'}</form>"
        '<div class="bar"><progress id="progress" max="1" value="0" aria-label="Progress">'
        '</progress><span id="state" role="status">Simulating …</span></div>'
        '<ul id="problems" role="alert" hidden></ul><ul id="advice" class="note"></ul>'
        '<form id="saving"><button type="button" id="reset">Reset</button>'
        '<button type="button" id="download">Download</button>'
        f'<label>Save as <input id="name" value="{as_html(name)}" maxlength="200"></label>'
        '<button type="submit" id="save">Save beside</button><output id="saved"></output></form>'
        f'</div><script type="application/json" id="about">{about}</script>'
    )


def text_of(name: str) -> str:
    """The script of the controls, or their looks."""
    return files("sim.explore").joinpath(name).read_text(encoding="utf-8")


def _control(control: Control) -> str:
    path = as_html(control.path)
    shown = as_html(control.shown)
    field = f'class="field" data-path="{path}" aria-label="{path}"'
    hint = f'<small title="{as_html(control.spread)}">median of {as_html(control.spread)}</small>'
    if control.form == "choice":
        options = "".join(
            f"<option{' selected' if each == control.shown else ''}>{as_html(each)}</option>"
            for each in control.choices
        )
        body = f"<select {field}>{options}</select>"
    elif control.form == "text":
        listed = f"list-{path}"
        options = "".join(f'<option value="{as_html(each)}">' for each in control.choices)
        known = f'<datalist id="{listed}">{options}</datalist>'
        body = f'<input {field} value="{shown}" list="{listed}">{known}'
    else:
        slider = f'class="slider" type="range" min="0" max="{STEPS}" data-slider="{path}"'
        body = (
            f'<input {slider} aria-label="{path} (slider)"><input {field} value="{shown}">'
            f"{hint if control.spread else ''}"
        )
    return f'<div class="control"><span>{as_html(control.label)}</span>{body}</div>'
