"""What travels to workers: a job in a few kilobytes, and apart from it the traces that it replays.

The job goes along with every batch. A trace may be a hundred megabytes: it is named in the job by
the hash of its content and travels on its own, once to each worker, however many jobs replay it.

Functions of the user's own, autoscalers above all, come from files that workers do not have. They
and what they use of the files beside theirs travel as code, not as names to be imported.
"""

import hashlib
import io
import pickle
from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from types import ModuleType

import cloudpickle

from sim.model.trace import Trace
from sim.montecarlo.execution import Job
from sim.montecarlo.storage.identity import own_modules


@dataclass(frozen=True, slots=True)
class Freight:
    """A job that is packed.

    Attributes
    ----------
    job : bytes
    digest : str
        Of the job.
    traces : tuple of str
        Hashes of the traces that it replays.
    """

    job: bytes
    digest: str
    traces: tuple[str, ...]


class Packing:
    """Packs jobs, and remembers the traces of the last one, which the next may replay as well."""

    def __init__(self) -> None:
        self._traces: list[tuple[Trace, str, bytes]] = []

    def pack(self, job: Job) -> Freight:
        """A job as it travels."""
        packed = io.BytesIO()
        packer = _Packer(packed)
        with _as_code(own_modules(job.scenario.document)):
            packer.dump(job)
        self._traces = [self._known(trace) for trace in packer.traces]
        hashes = tuple(digest for _, digest, _ in self._traces)
        content = pickle.dumps((packed.getvalue(), hashes))
        digest = hashlib.sha256(content).hexdigest()
        return Freight(content, digest, tuple(dict.fromkeys(hashes)))

    def trace(self, digest: str) -> bytes:
        """A trace of the last job, packed."""
        return next(packed for _, its, packed in self._traces if its == digest)

    def _known(self, trace: Trace) -> tuple[Trace, str, bytes]:
        for each in self._traces:
            if each[0] is trace:
                return each
        content = pickle.dumps(trace, pickle.HIGHEST_PROTOCOL)
        return trace, hashlib.sha256(content).hexdigest(), content


def unpack(content: bytes, traces: Mapping[str, Trace]) -> Job:
    """The job of a freight, given its traces by their hashes."""
    packed, hashes = pickle.loads(content)
    job = _Unpacker(io.BytesIO(packed), [traces[digest] for digest in hashes]).load()
    assert isinstance(job, Job)
    return job


def unpack_trace(content: bytes) -> Trace:
    """A trace that was packed."""
    trace = pickle.loads(content)
    assert isinstance(trace, Trace)
    return trace


class _Packer(cloudpickle.Pickler):
    """Leaves out traces, and puts down which one stood there."""

    def __init__(self, file: io.BytesIO) -> None:
        super().__init__(file)
        self.traces: list[Trace] = []

    def persistent_id(self, each: object) -> int | None:
        """The number of a trace in the order in which they came."""
        if not isinstance(each, Trace):
            return None
        for number, trace in enumerate(self.traces):
            if trace is each:
                return number
        self.traces.append(each)
        return len(self.traces) - 1


class _Unpacker(pickle.Unpickler):
    """Puts them in."""

    def __init__(self, file: io.BytesIO, traces: Sequence[Trace]) -> None:
        super().__init__(file)
        self._traces = traces

    def persistent_load(self, number: int) -> Trace:
        """The trace of a number."""
        return self._traces[number]


@contextmanager
def _as_code(modules: Iterable[ModuleType]) -> Iterator[None]:
    """Have the functions of modules travel as code meanwhile."""
    with ExitStack() as stack:
        for module in modules:
            if module.__name__ not in cloudpickle.list_registry_pickle_by_value():
                cloudpickle.register_pickle_by_value(module)
                stack.callback(cloudpickle.unregister_pickle_by_value, module)
        yield
