"""What draws pictures, loaded while worlds are simulated.

Altair, pandas and what lays out Vega-Lite take a second and a half of one core before the first
picture. A process that waits for its workers meanwhile has that time, and nobody who wants pictures
then waits for it.
"""

from collections.abc import Iterator
from contextlib import contextmanager, suppress
from importlib import import_module
from threading import Event, Thread

AFTER_S = 2.0  # what ends before that is not to wait for pictures
DRAWS = "sim.report.charts.chart"


@contextmanager
def loaded_ahead(charts: str, wanted: bool = True) -> Iterator[None]:
    """Load a module of pictures, and what lays them out, in a thread beside what is done within.

    Parameters
    ----------
    charts : str
        Name of the module.
    wanted : bool
        Whether there is anything to be won.
    """
    if not wanted:
        yield
        return
    over = Event()

    def load() -> None:
        if over.wait(AFTER_S):
            return
        with suppress(Exception):  # who draws meets the same problem, and says so
            import_module(charts)
            import_module(DRAWS).lay_out_nothing()

    thread = Thread(target=load, name="loaded-ahead")
    thread.start()
    try:
        yield
    finally:
        over.set()
        thread.join()
