"""A page as one HTML file, which asks for nothing beyond itself.

Its policy allows no request, and no script but those that are here: their digests are in it, so
that even a text that was not escaped could not run. Vega compiles its expressions, which takes
``unsafe-eval``. The bytes follow from the page alone: Vega comes with the package, for the bundle
that vl-convert makes is another each time.
"""

import base64
import gzip
import hashlib
from collections.abc import Sequence
from functools import cache
from importlib.resources import files

from sim.report.page.document import Page
from sim.report.page.escape import as_html, as_script_json
from sim.report.page.sections import chart_data, sections

PACKAGE = "sim.report.page"
VEGA = "vega.js.gz"  # Vega 6.2, Vega-Lite 6.4, Vega-Embed 7.0, as bundled by vl-convert 1.9.0


def render(
    page: Page,
    *,
    before: str = "",
    scripts: Sequence[str] = (),
    style: str = "",
    live: bool = False,
) -> str:
    """The page as HTML.

    Parameters
    ----------
    page : Page
    before : str
        HTML between its head and the answer, such as controls.
    scripts : sequence of str
        Further scripts, after the page's own.
    style : str
        Further rules for its looks.
    live : bool
        Whether it may ask the server that it comes from.
    """
    own = [vega(), text_of("page.js"), *scripts]
    charts = as_script_json(dict(chart_data(page)))
    head = (
        f'<!doctype html>\n<html lang="en">\n<head>\n<meta charset="utf-8">\n'
        f'<meta http-equiv="Content-Security-Policy" content="{_policy(own, live)}">\n'
        '<meta name="viewport" content="width=device-width, initial-scale=1">\n'
        '<meta name="color-scheme" content="light dark">\n'
        '<meta name="referrer" content="no-referrer">\n'
        f'<meta name="generator" content="Peakfleet {as_html(page.version)}">\n'
        '<link rel="icon" href="data:,">\n'
        f"<title>{as_html(page.title)}</title>\n<style>\n{text_of('page.css')}{style}</style>\n"
        "</head>\n"
    )
    body = (
        f'<body>\n<header><p><bdi>{as_html(page.title)}</bdi></p><button type="button" id="theme"'
        ' aria-label="Light or dark">◐</button></header>\n'
        f"{before}<main>\n{sections(page)}\n</main>\n"
        f"<footer><p>{as_html(page.kind)}, Peakfleet {as_html(page.version)}</p></footer>\n"
        f'<script type="application/json" id="charts">{charts}</script>\n'
    )
    run = "\n".join(f"<script>{script}</script>" for script in own)
    return f"{head}{body}{run}\n</body>\n</html>\n"


@cache
def vega() -> str:
    """Vega, Vega-Lite and Vega-Embed as one script."""
    return gzip.decompress(files(PACKAGE).joinpath(VEGA).read_bytes()).decode()


@cache
def text_of(name: str) -> str:
    """A file of the page: its looks, or its script."""
    return files(PACKAGE).joinpath(name).read_text(encoding="utf-8")


def _policy(scripts: Sequence[str], live: bool) -> str:
    digests = (hashlib.sha256(script.encode()).digest() for script in scripts)
    allowed = " ".join(f"'sha256-{base64.b64encode(each).decode()}'" for each in digests)
    connect = "'self'" if live else "'none'"
    return (
        f"default-src 'none'; script-src 'unsafe-eval' {allowed}; style-src 'unsafe-inline';"
        f" img-src data: blob:; connect-src {connect}; base-uri 'none'; form-action 'none'"
    )
