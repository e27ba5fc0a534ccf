"""The simulation of one world: two planes on one clock.

The data plane (requests, queues, batches, tokens) is a compiled kernel over NumPy arrays; the
control plane (replica life cycle, autoscalers, schedules) is SimPy. The kernel advances the data
plane exactly to the time of SimPy's next event, so that nothing is polled and results do not depend
on how often the kernel is entered.
"""
