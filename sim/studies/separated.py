"""Texts of several parts, as they are written on a command line."""

from collections.abc import Callable

OPENING, CLOSING, QUOTES = "{[", "}]", "'\""


def separated(text: str, ends_at: Callable[[int], bool] = lambda _: True) -> list[str]:
    """Parts between commas that are outside of brackets, braces and quotes.

    Parameters
    ----------
    text : str
    ends_at : callable
        Whether the comma at a place ends a part; by default each does.

    Examples
    --------
    >>> separated("2, {min: 1, max: 3}, 'a,b'")
    ['2', '{min: 1, max: 3}', "'a,b'"]
    """
    parts, start, depth, quote = [], 0, 0, ""
    for place, character in enumerate(text):
        if quote:
            quote = "" if character == quote else quote
        elif character in QUOTES:
            quote = character
        elif character in OPENING + CLOSING:
            depth += 1 if character in OPENING else -1
        elif character == "," and depth == 0 and ends_at(place):
            parts.append(text[start:place])
            start = place + 1
    return [part.strip() for part in (*parts, text[start:])]
