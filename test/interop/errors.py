"""The one way in which this reader says no."""


class Refused(Exception):
    """What was read must not be believed. `code` is a word of the specification, `reason` says why in one line."""

    def __init__(self, code: str, reason: str):
        super().__init__(f"{code}: {reason}")
        self.code = code
        self.reason = reason


def require(holds: bool, code: str, reason: str) -> None:
    """Refuse with `code` and `reason` unless `holds`."""
    if not holds:
        raise Refused(code, reason)
