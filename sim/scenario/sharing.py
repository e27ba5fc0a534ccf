"""What requests share, sessions and prompts, against the routers and caches that make use of it."""

from collections.abc import Iterator, Sequence

from sim.model.closed import ClosedSource
from sim.model.design import Design, GpuPool
from sim.model.generated import GeneratedSource
from sim.model.managed import ManagedApi
from sim.model.trace import TraceSource
from sim.model.workload import Workload
from sim.scenario.values.problems import Findings
from sim.scenario.workload.routes import reached

NAMES = "add follow_ups that carry 100% to a workload, or blocks to the columns of its trace"


Backend = GpuPool | ManagedApi


def served_by(design: Design, workload: Workload) -> list[Backend]:
    """The backends that a workload's requests may come to."""
    names = reached(workload.route)
    return [backend for backend in design.backends if backend.name in names]


def pools_of(design: Design, workload: Workload) -> list[GpuPool]:
    """Those of them that are pools of GPUs."""
    return [one for one in served_by(design, workload) if isinstance(one, GpuPool)]


def workloads_of(design: Design, backend: Backend) -> list[Workload]:
    """The workloads whose requests may come to a backend."""
    return [one for one in design.workloads if backend.name in reached(one.route)]


def has_sessions(workload: Workload) -> bool:
    """Whether requests of a workload belong to sessions."""
    match workload.source:
        case GeneratedSource(follow_ups=follow_ups):
            return follow_ups is not None
        case TraceSource(trace=trace):
            return trace.session is not None
        case ClosedSource():
            return True  # a user's requests
    return False


def has_names(workload: Workload) -> bool:
    """Whether blocks of the workload's prompts have names, by which a cache finds them."""
    match workload.source:
        case GeneratedSource(follow_ups=follow_ups):
            return follow_ups is not None and workload.carry == 1
        case TraceSource(trace=trace):
            return trace.prefixes is not None
    return False


def check_sharing(design: Design, findings: Findings) -> None:
    """Note routers, hit rates and blocks that mean nothing for the requests of a design."""
    for workload in design.workloads:
        _check_blocks(workload, pools_of(design, workload), findings)
    for pool in design.pools:
        workloads = workloads_of(design, pool)
        if workloads:
            _check_router(pool, workloads, findings)
        for workload in workloads:
            if pool.prefix_cache is not None and workload.prefix_hit_rate and has_names(workload):
                path = ("workloads", workload.name, "prefix_cache", "hit_rate")
                message = f"goes beside the prefix_cache of backend '{pool.name}', where the blocks"
                findings.add(path, f"{message} of its prompts hit or miss", "remove one")


def _check_blocks(workload: Workload, pools: Sequence[GpuPool], findings: Findings) -> None:
    """Note caches that one workload's prompts meet with blocks of different sizes."""
    cached = [(pool, pool.prefix_cache) for pool in pools if pool.prefix_cache is not None]
    for pool, cache in cached[1:]:
        first, other = cached[0]
        if cache.block_tokens != other.block_tokens:
            message = f"{cache.block_tokens} must be {other.block_tokens}, as of backend "
            reason = f"'{first.name}', which serves '{workload.name}' as well"
            path = ("backends", pool.name, "prefix_cache", "block_tokens")
            findings.add(path, message + reason, "make them the same")


def _check_router(pool: GpuPool, workloads: Sequence[Workload], findings: Findings) -> None:
    path = ("backends", pool.name, "router")
    if pool.router == "session" and not any(map(has_sessions, workloads)):
        message = "session has no meaning, as no request that it routes belongs to a session"
        remedy = "add follow_ups to a workload, or session to the columns of its trace"
        findings.add(path, message, remedy)
    if pool.router == "prefix" and not any(map(has_names, workloads)):
        message = "prefix has no meaning, as no prompt that it routes has blocks with names"
        findings.add(path, message, NAMES)


def warnings(design: Design) -> Iterator[str]:
    """Caches that will stay empty, of pools that requests come to."""
    for pool in design.pools:
        workloads = workloads_of(design, pool)
        if pool.prefix_cache is not None and workloads and not any(map(has_names, workloads)):
            yield (
                f"backends.{pool.name}.prefix_cache: makes no difference, as no prompt has blocks "
                f"with names; {NAMES}"
            )
