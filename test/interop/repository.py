"""A vault in a bare Git repository: docs/spec/store.md, "Layout". Read with the `git` program."""

import hashlib
import re
import subprocess
from dataclasses import dataclass

from errors import Refused, require

MALFORMED = "STORE_MALFORMED"
MISSING = "STORE_OBJECT_MISSING"
MAX_OBJECT = 128 * 2**20
MAX_SEGMENTS, MAX_PATHS = 16, 500_000
SEGMENT = re.compile(rb"[A-Za-z0-9._-]{1,255}")
BRANCH = re.compile(r"refs/heads/sessyn/([a-z2-7]{26})/main")
BASE_BLOB = "e26126e74df75ffe77daa9617f332ac7865c903a"


@dataclass(frozen=True)
class Commit:
    id: str
    tree: str
    parent: str | None


class Repository:
    """Reads commits, trees and blobs; each object's id is computed from its bytes."""

    def __init__(self, path: str):
        self._command = ["git", "--no-replace-objects", "-C", path]
        self._batch: subprocess.Popen[bytes] | None = None

    def __enter__(self) -> "Repository":
        return self

    def __exit__(self, *_: object) -> None:
        if self._batch is not None:
            self._batch.stdin.close()
            self._batch.stdout.close()
            self._batch.wait()

    def head(self) -> tuple[str, Commit]:
        """The workspace id of the one vault here, and the commit at the head of its main branch."""
        listed = self._git("for-each-ref", "--format=%(refname) %(objectname)", "refs/heads/sessyn/")
        found = []
        for line in listed.decode().splitlines():
            name, commit = line.split(" ")
            if matched := BRANCH.fullmatch(name):
                found.append((matched[1], commit))
        require(len(found) > 0, "STORE_NOT_FOUND", "no vault in this repository")
        require(len(found) == 1, MALFORMED, "more than one vault in this repository")
        return found[0][0], self.commit(found[0][1])

    def commit(self, oid: str) -> Commit:
        lines = self._object(oid, "commit").split(b"\n\n")[0].decode("utf-8", "replace").splitlines()
        tree = re.fullmatch(r"tree ([0-9a-f]{40})", lines[0]) if lines else None
        require(tree is not None, MALFORMED, f"commit {oid} does not begin with its tree")
        parents = [line[7:] for line in lines[1:] if line.startswith("parent ")]
        require(all(re.fullmatch(r"[0-9a-f]{40}", parent) for parent in parents), MALFORMED, "parent without an id")
        return Commit(oid, tree[1], parents[0] if parents else None)

    def has(self, oid: str) -> bool:
        """Whether an object is here; a clone may be shallow."""
        return self._request(oid) is not None

    def snapshot(self, commit: Commit) -> dict[str, str]:
        """The blobs of a commit's tree by path, without the base blob."""
        paths: dict[str, str] = {}
        self._walk(commit.tree, "", 1, paths)
        if paths.get(".base") == BASE_BLOB:
            del paths[".base"]
        return paths

    def blob(self, oid: str) -> bytes:
        return self._object(oid, "blob")

    def _walk(self, tree: str, prefix: str, depth: int, paths: dict[str, str]) -> None:
        require(depth <= MAX_SEGMENTS, MALFORMED, f"path of more than {MAX_SEGMENTS} segments")
        names = set()
        for mode, name, oid in _parse_tree(self._object(tree, "tree")):
            require(name not in names, MALFORMED, f"tree names {name!r} twice")
            names.add(name)
            good = SEGMENT.fullmatch(name) and name not in (b".", b"..") and name.lower() != b".git"
            require(bool(good), MALFORMED, f"tree holds the name {name!r}")
            path = prefix + name.decode()
            if mode == 0o40000:
                self._walk(oid, path + "/", depth + 1, paths)
            elif mode != 0o160000:  # submodules are skipped
                paths[path] = oid
                require(len(paths) <= MAX_PATHS, MALFORMED, f"tree of more than {MAX_PATHS} paths")

    def _object(self, oid: str, kind: str) -> bytes:
        found = self._request(oid)
        require(found is not None, MISSING, f"object {oid} is missing")
        require(found[0] == kind, MALFORMED, f"object {oid} is no {kind}")
        header = f"{kind} {len(found[1])}\0".encode()
        computed = hashlib.sha1(header + found[1], usedforsecurity=False).hexdigest()
        require(computed == oid, MALFORMED, f"object {oid} has other bytes than its id says")
        return found[1]

    def _request(self, oid: str) -> tuple[str, bytes] | None:
        if self._batch is None:
            command = [*self._command, "cat-file", "--batch"]
            self._batch = subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE,
                                           stderr=subprocess.DEVNULL)
        try:
            self._batch.stdin.write(f"{oid}\n".encode())
            self._batch.stdin.flush()
            answer = self._batch.stdout.readline().decode().split()
        except BrokenPipeError:
            answer = []
        require(len(answer) >= 2, MALFORMED, f"git cannot read object {oid}")
        if answer[1] == "missing":
            return None
        size = int(answer[2])
        require(size <= MAX_OBJECT, MALFORMED, f"object {oid} is over 128 MiB")
        return answer[1], self._batch.stdout.read(size + 1)[:-1]

    def _git(self, *arguments: str) -> bytes:
        done = subprocess.run([*self._command, *arguments], capture_output=True, check=False)
        if done.returncode != 0:
            raise Refused("STORE_UNREACHABLE", "no Git repository that can be read")
        return done.stdout


def _parse_tree(data: bytes) -> list[tuple[int, bytes, str]]:
    rows, at = [], 0
    while at < len(data):
        end = data.find(b"\0", at)
        mode, _, name = data[at:end].partition(b" ")
        well_formed = end > 0 and re.fullmatch(rb"[0-7]{5,6}", mode) and end + 21 <= len(data)
        require(bool(well_formed), MALFORMED, "tree does not parse")
        rows.append((int(mode, 8), name, data[end + 1 : end + 21].hex()))
        at = end + 21
    return rows
