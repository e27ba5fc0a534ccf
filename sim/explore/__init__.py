"""The live page: the main numbers of a scenario to be moved, and what comes of it.

========================  ========================================================
:mod:`~sim.explore.controls`  what can be moved
:mod:`~sim.explore.changes`   what was moved, as changes of the scenario
:mod:`~sim.explore.study`     a small study, which answers the latest question
:mod:`~sim.explore.board`     what the page is to show
:mod:`~sim.explore.guard`     who may ask
:mod:`~sim.explore.panel`     the controls as HTML
:mod:`~sim.explore.writing`   the changed scenario as a file
:mod:`~sim.explore.server`    HTTP and server-sent events
:mod:`~sim.explore.serving`   all of it, from its start to Ctrl-C
========================  ========================================================
"""

from sim.explore.serving import explore

__all__ = ["explore"]
