"""Worlds simulated on a Dask cluster: many machines, or worker processes of this one.

A cluster is a place (:class:`sim.montecarlo.execution.Place`) for the worlds of any run or study,
and gives the same bits as this machine. What a worker has to know comes with the work: the scenario
as resolved, with the profiles, prices and models of the user's own folder that it names, with
autoscalers of the user's own, and with its traces. What it must have is the same Peakfleet and the
same libraries.

``address``     where a cluster is
``connection``  the way there, and back
``freight``     what travels: a job, and apart from it its traces
``local``       worker processes of this machine, which end with their parent
``passport``    what a worker must have in common with who sends the work
``staff``       batches as futures: sent, begun, given up, refused
``work``        what a worker does with a batch
"""
