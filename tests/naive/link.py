"""A link in the naive simulator: what is left to send shrinks, by equal shares for all."""

import math
from dataclasses import dataclass, field
from typing import Any

NEVER = math.inf


@dataclass(slots=True, eq=False)
class Parcel:
    """What is sent for somebody."""

    item: Any
    left_s: float  # seconds that it takes alone
    latency_s: float
    arrives_s: float = NEVER


@dataclass(slots=True)
class Link:
    """Parcels in the order in which they were given to it, and those in the air."""

    since_s: float = 0.0
    sending: list[Parcel] = field(default_factory=list)
    in_the_air: list[Parcel] = field(default_factory=list)

    def start(self, item: Any, work_s: float, latency_s: float, now_s: float) -> None:
        self.send_until(now_s)
        self.sending.append(Parcel(item, work_s, latency_s))

    def stop(self, item: Any, now_s: float) -> None:
        self.send_until(now_s)
        self.sending = [parcel for parcel in self.sending if parcel.item != item]
        self.in_the_air = [parcel for parcel in self.in_the_air if parcel.item != item]

    def send_until(self, now_s: float) -> None:
        for parcel in self.sending:
            parcel.left_s -= (now_s - self.since_s) / len(self.sending)
        self.since_s = now_s

    @property
    def through_s(self) -> float:
        """When the first of those that are sent is through."""
        least_s = min((parcel.left_s for parcel in self.sending), default=NEVER)
        return self.since_s + max(least_s, 0.0) * len(self.sending) if self.sending else NEVER

    @property
    def next_s(self) -> float:
        return min([self.through_s, *(parcel.arrives_s for parcel in self.in_the_air)])

    def end_next(self, now_s: float) -> Any:
        """Who has all that was sent now; None if the last byte is on its way."""
        if self.through_s <= now_s:
            first = min(self.sending, key=lambda parcel: parcel.left_s)
            least_s, self.since_s = first.left_s, now_s
            for parcel in self.sending:  # who has the same left is through now, too
                parcel.left_s -= least_s
            self.sending.remove(first)
            if first.latency_s == 0.0:
                return first.item
            first.arrives_s = now_s + first.latency_s
            self.in_the_air.append(first)
            return None
        first = min(self.in_the_air, key=lambda parcel: parcel.arrives_s)
        self.in_the_air.remove(first)
        return first.item
