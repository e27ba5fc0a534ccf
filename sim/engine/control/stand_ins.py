"""On-demand replicas that stand in for spot replicas which are not to be had.

One is started for each spot replica that is wanted and cannot even be begun: taken back and absent,
under repair, or waiting for capacity. It stays until a spot replica serves in its place, so that
nothing is missing while that one starts.
"""

from collections.abc import Iterable

from sim.engine.control.replica import Replica
from sim.model.lifecycle import Stage


def is_missing(replica: Replica) -> bool:
    """Whether a replica is wanted, and no machine is to be had for it."""
    if replica.standby:
        return False
    slot = replica.slot
    waits = replica.stage is Stage.REQUESTED and slot is not None and not slot.triggered
    return waits or replica.stage is Stage.ABSENT


def bounds(replicas: Iterable[Replica], desired: int) -> tuple[int, int]:
    """Fewest and most stand-ins that there should be.

    Parameters
    ----------
    replicas : iterable of Replica
        Of the pool; stand-ins among them do not count.
    desired : int
        Replicas that should serve.

    Returns
    -------
    (int, int)
        As many as are missing, and as many as do not serve.
    """
    own = [replica for replica in replicas if not replica.stands_in]
    serving = sum(replica.stage is Stage.READY for replica in own)
    return sum(map(is_missing, own)), desired - serving
