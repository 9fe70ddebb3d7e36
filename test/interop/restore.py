"""Writing what a version holds into a new folder, following no link on the way."""

import os
from pathlib import Path
from typing import Callable

from errors import require
from index import FILE, FOLDER, LINK, Entry

PRIVATE = 0o700


def check_tree(entries: list[Entry]) -> None:
    """Refuse a path below a file or a link; the specification leaves that to the client."""
    types = {entry.path: entry.type for entry in entries}
    for path in types:
        segments = path.split("/")
        for length in range(1, len(segments)):
            above = "/".join(segments[:length])
            require(types.get(above, FOLDER) == FOLDER, "FORMAT_INVALID", f"path {path!r} lies below no folder")


def restore(entries: list[Entry], output: Path, content: Callable[[Entry], bytes]) -> None:
    """Write all entries below `output`, which must not exist. Links come last, then the modes of folders."""
    check_tree(entries)
    output.mkdir(mode=PRIVATE)
    for entry in entries:
        path = output / entry.path
        folder = path if entry.type == FOLDER else path.parent
        folder.mkdir(mode=PRIVATE, parents=True, exist_ok=True)
        if entry.type == FILE:
            flags = os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_NOFOLLOW
            with os.fdopen(os.open(path, flags, 0o600), "wb") as file:
                file.write(content(entry))
                os.fchmod(file.fileno(), entry.mode)
    for entry in entries:
        if entry.type == LINK:
            os.symlink(entry.target, output / entry.path)
    for entry in reversed(entries):
        if entry.type == FOLDER:
            os.chmod(output / entry.path, entry.mode)
