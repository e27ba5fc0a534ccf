"""Who may ask the server: the page that it has served itself, and nobody else.

Any page in any browser of this machine can send requests to loopback, and so can any program. The
token, which only the printed address has, keeps others out. The host that was asked for must be the
address that is listened on, so that a foreign name that resolves to it is of no use; and where a
browser names the page that asks, it must be ours.
"""

import hmac
from collections.abc import Mapping
from dataclasses import dataclass

LOOPBACK = ("127.0.0.1", "localhost", "[::1]")
OWN_SITE = ("same-origin", "none")  # of Sec-Fetch-Site
HEADER = "X-Peakfleet-Token"


@dataclass(frozen=True, slots=True)
class Guard:
    """What a request has to show.

    Attributes
    ----------
    token : str
    hosts : tuple of str
        With their port, as browsers name them.
    """

    token: str
    hosts: tuple[str, ...]

    @classmethod
    def of(cls, token: str, address: str, port: int) -> "Guard":
        """For a server at an address."""
        shown = f"[{address}]" if ":" in address else address
        names = LOOPBACK if shown in LOOPBACK else (shown,)
        return cls(token, tuple(f"{name}:{port}" for name in names))

    def refusal(self, headers: Mapping[str, str], token: str, needs_origin: bool) -> str:
        """Why a request is refused; empty where it is not.

        Parameters
        ----------
        headers : mapping
        token : str
            As the request has it.
        needs_origin : bool
            Whether it has to name the page that it comes from: one that changes something.
        """
        if headers.get("Host", "") not in self.hosts:
            return "this is not the host that is served here"
        origin = headers.get("Origin")
        if origin is None and needs_origin:
            return "it does not say from which page it comes"
        if origin is not None and origin not in {f"http://{host}" for host in self.hosts}:
            return "it comes from another page"
        if headers.get("Sec-Fetch-Site", "none") not in OWN_SITE:
            return "it comes from another site"
        if not hmac.compare_digest(token.encode(), self.token.encode()):
            return "its token is not the one that was printed; open the printed address"
        return ""
