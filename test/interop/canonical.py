"""Canonical JSON, base64 and base32: docs/spec/envelope.md, "Canonical JSON"."""

import base64
import json
import re
from typing import Any

from errors import Refused, require

MAX_INTEGER = 2**48 - 1
MAX_NESTING = 8
MACHINE_ID = re.compile(r"[a-z2-7]{51}[aq]")
WORKSPACE_ID = re.compile(r"[a-z2-7]{26}")

INVALID = "FORMAT_INVALID"
NEWER = "FORMAT_NEWER"
LIMIT = "FORMAT_LIMIT_EXCEEDED"


def encode(value: Any) -> bytes:
    """The one canonical form of a value."""
    text = json.dumps(_sorted(value), ensure_ascii=False, separators=(",", ":"))
    # ECMAScript escapes lone surrogates, and Python leaves them.
    text = re.sub("[\ud800-\udfff]", lambda found: f"\\u{ord(found[0]):04x}", text)
    return text.encode("utf-8")


def decode(data: bytes, limit: int, what: str) -> dict[str, Any]:
    """Parse one canonical object of at most `limit` bytes; `what` names it in errors."""
    require(len(data) <= limit, LIMIT, f"{what} is longer than {limit} bytes")
    _count_nesting(data, what)
    try:
        value = json.loads(data.decode("utf-8"), parse_float=_no_float, parse_constant=_no_float)
        canonical = encode(value) == data
    except (ValueError, UnicodeError, RecursionError):
        raise Refused(INVALID, f"{what} is no canonical JSON") from None
    require(canonical, INVALID, f"{what} is no canonical JSON")
    require(isinstance(value, dict), INVALID, f"{what} is no object")
    _check_values(value, what)
    return value


def fields(value: Any, names: str, what: str) -> dict[str, Any]:
    """Check that `value` is an object with exactly the fields in `names` (separated by spaces)."""
    require(isinstance(value, dict), INVALID, f"{what} is no object")
    wanted = names.split()
    if "format" in wanted and "format" in value:
        number = integer(value["format"], 0, MAX_INTEGER, f"format of {what}")
        require(number <= 1, NEWER, f"{what} has format {number}")
        require(number == 1, INVALID, f"{what} has format 0")
    for name in value:
        require(name in wanted, NEWER, f"unknown field {name} in {what}")
    for name in wanted:
        require(name in value, INVALID, f"{what} lacks the field {name}")
    return value


def integer(value: Any, least: int, most: int, what: str) -> int:
    """An integer from `least` to `most`."""
    holds = isinstance(value, int) and not isinstance(value, bool) and least <= value <= most
    require(holds, INVALID, f"{what} is no integer from {least} to {most}")
    return value


def octets(value: Any, length: int | None, what: str) -> bytes:
    """Bytes in base64, of the given length if one is given."""
    require(isinstance(value, str), INVALID, f"{what} is no string")
    try:
        data = base64.b64decode(value, validate=True)
    except ValueError:
        raise Refused(INVALID, f"{what} is no base64") from None
    require(base64.b64encode(data).decode() == value, INVALID, f"{what} is no canonical base64")
    require(length is None or len(data) == length, INVALID, f"{what} has {len(data)} bytes instead of {length}")
    return data


def listed(value: Any, most: int, what: str) -> list[Any]:
    """A list of at most `most` items."""
    require(isinstance(value, list), INVALID, f"{what} is no list")
    require(len(value) <= most, LIMIT, f"{what} has more than {most} items")
    return value


def matching(value: Any, form: re.Pattern[str], what: str) -> str:
    """A string of the given form. Identifiers have unused bits, which the forms above require to be zero."""
    require(isinstance(value, str) and form.fullmatch(value) is not None, INVALID, f"{what} has another form")
    return value


def choice(value: Any, names: str, what: str) -> str:
    """One of the names known; another is of a newer format."""
    require(isinstance(value, str), INVALID, f"{what} is no string")
    require(value in names.split(), NEWER, f"unknown {what} {value!r}")
    return value


def base32(data: bytes, characters: int) -> str:
    """The first characters of the lower-case base32 form."""
    return base64.b32encode(data).decode().lower()[:characters]


def _sorted(value: Any) -> Any:
    if isinstance(value, dict):
        by_utf16 = lambda name: name.encode("utf-16-be", "surrogatepass")
        return {name: _sorted(value[name]) for name in sorted(value, key=by_utf16)}
    if isinstance(value, list):
        return [_sorted(item) for item in value]
    return value


def _no_float(text: str) -> None:
    raise ValueError(text)


def _count_nesting(data: bytes, what: str) -> None:
    depth = 0
    without_strings = re.sub(rb'"(?:[^"\\]|\\.)*"', b"", data, flags=re.DOTALL)
    for byte in without_strings:
        if byte in b"[{":
            depth += 1
            require(depth <= MAX_NESTING, LIMIT, f"{what} is nested deeper than {MAX_NESTING}")
        elif byte in b"]}":
            depth -= 1


def _check_values(value: Any, what: str) -> None:
    if isinstance(value, dict):
        value = list(value.values())
    if isinstance(value, list):
        for item in value:
            _check_values(item, what)
    elif isinstance(value, int) and not isinstance(value, bool):
        require(0 <= value <= MAX_INTEGER, INVALID, f"{what} holds an integer out of range")
