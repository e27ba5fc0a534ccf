"""Pictures drawn in a process of their own: what lays them out takes a hundred megabytes.

The file is that process's program, too, which loads none of the package. It is asked in lines of
JSON and ends with its input. Where there can be none, pictures are drawn in the process that asks.
"""

import json
import os
import signal
import sys
from typing import Any, BinaryIO, NamedTuple

SCALE = 2.0  # of a PNG, for screens of today


class Picture(NamedTuple):
    """What a Vega-Lite specification looks like."""

    svg: bytes
    png: bytes


def drawn(text: str) -> Picture:
    """Lay out a specification in this process.

    Raises
    ------
    ValueError
        If it is none.
    """
    import vl_convert as vlc  # noqa: PLC0415 (a large library, for those who draw only)

    svg = vlc.vegalite_to_svg(text)  # once, for that takes nearly all of the time
    return Picture(svg.encode(), vlc.svg_to_png(svg, scale=SCALE))


def _serve(asked: BinaryIO, told: BinaryIO) -> None:
    """Answer each line with one that says how long the two files are, and both of them."""
    for line in asked:
        try:
            picture = drawn(line.decode())
        except ValueError as problem:
            reply: dict[str, Any] = {"problem": str(problem)}
            files = b""
        else:
            reply = {"svg": len(picture.svg), "png": len(picture.png)}
            files = picture.svg + picture.png
        told.write(json.dumps(reply).encode() + b"\n" + files)
        told.flush()


if __name__ == "__main__":
    signal.signal(signal.SIGINT, signal.SIG_IGN)  # whoever asks is interrupted, and ends this
    answers = os.fdopen(os.dup(sys.stdout.fileno()), "wb")
    os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())  # for whatever else is printed
    _serve(sys.stdin.buffer, answers)
