"""The reader against the frozen vaults, and against copies of the good one that are altered by a bit each."""

import hashlib
import json
import os
import random
import stat
import subprocess
import sys
import tempfile
import unittest
from pathlib import Path
from typing import Any

from errors import Refused
from read_vault import key_source, read_vault
from repository import Repository
from vault import Vault

HERE = Path(__file__).resolve().parent
VAULTS = HERE.parent / "vaults"
KEY = {"epoch": 1, "key": "1a77f80a603fef2904ec55ef0797da1dbf9d82fe123cb1dc3a64ec2258946f8f"}
PASSPHRASE = {"passphrase": "abandon gravity hollow meadow oxygen violin"}
FLIPS = 6
# SHA-256 of the lines "type mode path sha256" of v1-rich, in the order of its index.
RICH = "48948addd193a958b20de6ac2bb7ce9965f8e1847a81c6a2c9cad2ae5356433b"

FILES = {
    ".env": ("file", 0o600, 13),
    ".syncignore": ("file", 0o644, 535),
    "bin": ("folder", 0o755, None),
    "bin/run": ("file", 0o755, 10),
    "empty": ("file", 0o644, 0),
    "empty-folder": ("folder", 0o755, None),
    "large.txt": ("file", 0o644, 2_800_000),
    "link": ("link", 0o777, None),
    "src": ("folder", 0o755, None),
    "src/a.ts": ("file", 0o644, 19),
    "src/日本語": ("folder", 0o755, None),
    "src/日本語/ü.md": ("file", 0o644, 5),
}

DAMAGED = {
    "v1-pack-missing": "STORE_OBJECT_MISSING: pack 7b",
    "v1-pack-damaged": "HASH_MISMATCH: pack 7b",
    "v1-index-of-before": "HASH_MISMATCH: index shard 0",
    "v1-boxes-of-nobody": "HASH_MISMATCH: vault.json",
}


class Copy:
    """A clone of a frozen vault, whose versions can be made again with other blobs."""

    def __init__(self, folder: Path, name: str):
        self.path = folder / f"{name}.git"
        bundle = str(VAULTS / f"{name}.bundle")
        subprocess.run(["git", "clone", "--quiet", "--mirror", bundle, str(self.path)], check=True)
        self.branch = self.git("for-each-ref", "--format=%(refname)", "refs/heads/sessyn/").decode().strip()
        self.head = self.git("rev-parse", self.branch).decode().strip()

    def git(self, *arguments: str, data: bytes | None = None) -> bytes:
        identity = {"NAME": "Sessyn", "EMAIL": "sessyn@localhost", "DATE": "1795371141 +0000"}
        environment = os.environ | {f"GIT_{who}_{what}": value for who in ("AUTHOR", "COMMITTER")
                                    for what, value in identity.items()}
        done = subprocess.run(["git", "-C", str(self.path), *arguments], input=data, env=environment, check=True,
                              capture_output=True)
        return done.stdout

    def commits(self) -> list[str]:
        """From the oldest to the newest."""
        return self.git("rev-list", "--reverse", self.head).decode().split()

    def blobs(self, commit: str) -> dict[str, str]:
        rows = self.git("ls-tree", "-r", "-z", commit).decode().split("\0")[:-1]
        return {row.split("\t")[1]: row.split("\t")[0].split(" ")[2] for row in rows}

    def blob(self, oid: str) -> bytes:
        return self.git("cat-file", "blob", oid)

    def write(self, data: bytes) -> str:
        return self.git("hash-object", "-w", "--stdin", data=data).decode().strip()

    def replace(self, versions: list[dict[str, str]]) -> None:
        """Make the branch consist of these versions, each a blob by path, the oldest first."""
        parent: list[str] = []
        for blobs in versions:
            commit = self.git("commit-tree", self._tree(blobs), *parent, "-m", "sessyn").decode().strip()
            parent = ["-p", commit]
        self.git("update-ref", self.branch, parent[1])

    def versions(self) -> list[dict[str, str]]:
        return [self.blobs(commit) for commit in self.commits()]

    def _tree(self, blobs: dict[str, str]) -> str:
        rows, folders = [], {}
        for path, oid in blobs.items():
            first, slash, rest = path.partition("/")
            if slash:
                folders.setdefault(first, {})[rest] = oid
            else:
                rows.append(f"100644 blob {oid}\t{first}")
        rows += [f"040000 tree {self._tree(below)}\t{name}" for name, below in folders.items()]
        return self.git("mktree", data="\n".join(rows).encode() + b"\n").decode().strip()


class Reader(unittest.TestCase):
    def setUp(self) -> None:
        temporary = tempfile.TemporaryDirectory()
        self.addCleanup(temporary.cleanup)
        self.folder = Path(temporary.name)
        self.output = self.folder / "out"

    def run_command(self, repository: Path, document: Any) -> "subprocess.CompletedProcess[str]":
        command = [sys.executable, str(HERE / "read_vault.py"), str(repository), str(self.output)]
        return subprocess.run(command, input=json.dumps(document), capture_output=True, text=True, check=False)

    def refused(self, copy: Copy, document: Any = KEY) -> Refused:
        with self.assertRaises(Refused) as caught:
            read_vault(str(copy.path), self.output, key_source(document))
        self.assertFalse(self.output.exists(), "something was written before the vault was believed")
        return caught.exception


class FrozenVaults(Reader):
    def test_small(self) -> None:
        done = self.run_command(Copy(self.folder, "v1-small").path, KEY)
        self.assertEqual((done.returncode, done.stderr), (0, ""))
        report = json.loads(done.stdout)
        self.assertEqual(report["checked"], {
            "chunks": 8, "files": 7, "macs": 14, "packs": 3, "shards": 4, "signatures": 9, "signaturesMlDsa87": 1,
            "tags": 21, "trustEntries": 2, "versions": 5,
        })
        listed = {one["path"]: (one["type"], int(one["mode"], 8), one.get("size")) for one in report["files"]}
        self.assertEqual(listed, FILES)
        self.check_output({one["path"]: one.get("sha256") for one in report["files"]})

    def check_output(self, hashes: dict[str, str | None]) -> None:
        found = {str(path.relative_to(self.output)) for path in self.output.rglob("*")}
        self.assertEqual(found, set(FILES))
        for path, (kind, mode, _) in FILES.items():
            place = self.output / path
            if kind != "link":
                self.assertEqual(stat.S_IMODE(place.stat().st_mode), mode, path)
            if kind == "file":
                self.assertEqual(hashlib.sha256(place.read_bytes()).hexdigest(), hashes[path], path)
        self.assertEqual(os.readlink(self.output / "link"), "src/a.ts")

    def test_rich(self) -> None:
        done = self.run_command(Copy(self.folder, "v1-rich").path, PASSPHRASE)
        self.assertEqual((done.returncode, done.stderr), (0, ""))
        report = json.loads(done.stdout)
        self.assertEqual(report["checked"], {"chunks": 908, "files": 874, "macs": 101, "packs": 4, "shards": 20, "signatures": 45, "signaturesMlDsa87": 21, "tags": 983, "trustEntries": 10, "versions": 15})
        self.assertEqual(report["epoch"], 3)
        self.assertEqual([one["state"] for one in report["machines"]], ["trusted", "trusted", "deleted"])
        lines = [f"{one['type']} {one['mode']} {one['path']} {one.get('sha256', '')}\n" for one in report["files"]]
        self.assertEqual(hashlib.sha256("".join(lines).encode()).hexdigest(), RICH)
        for one in report["files"]:
            if one["type"] == "file":
                restored = (self.output / one["path"]).read_bytes()
                self.assertEqual(hashlib.sha256(restored).hexdigest(), one["sha256"], one["path"])

    def test_rich_has_what_the_small_one_lacks(self) -> None:
        with Repository(str(Copy(self.folder, "v1-rich").path)) as opened:
            newest = Vault(opened, key_source(PASSPHRASE)).newest()
        self.assertGreater(len(newest.header.shards), 1)
        [words] = [entry for entry in newest.entries if entry.path == "words.txt"]
        self.assertGreater(len(words.chunks), 2)
        self.assertEqual({chunk.epoch for chunk in words.chunks}, {1, 2})
        self.assertEqual({entry.chunks[0].epoch for entry in newest.entries if entry.chunks}, {1, 2, 3})

    def test_passphrase(self) -> None:
        copy = Copy(self.folder, "v1-small")
        done = self.run_command(copy.path, PASSPHRASE)
        self.assertEqual((done.returncode, done.stderr), (0, ""))
        self.assertEqual({one["path"] for one in json.loads(done.stdout)["files"]}, set(FILES))

    def test_damaged(self) -> None:
        for name, reason in DAMAGED.items():
            with self.subTest(name):
                done = self.run_command(Copy(self.folder, name).path, KEY)
                self.assertEqual((done.returncode, done.stdout), (1, ""))
                self.assertTrue(done.stderr.startswith(f"read_vault: {reason}"), done.stderr)
                self.assertEqual(done.stderr.count("\n"), 1)

    def test_keys_that_are_none(self) -> None:
        copy = Copy(self.folder, "v1-small")
        self.assertEqual(self.refused(copy, {"epoch": 1, "key": "00" * 32}).code, "SEAL_BROKEN")
        self.assertEqual(self.refused(copy, {"epoch": 2, "key": KEY["key"]}).code, "KEY_INVALID")
        self.assertEqual(self.refused(copy, {"passphrase": "another one"}).code, "PASSPHRASE_WRONG")


class AlteredVaults(Reader):
    def setUp(self) -> None:
        super().setUp()
        self.copy = Copy(self.folder, "v1-small")
        self.good = self.copy.versions()

    def flipped(self, oid: str, chance: random.Random) -> str:
        data = bytearray(self.copy.blob(oid))
        bit = chance.randrange(len(data) * 8)
        data[bit // 8] ^= 1 << bit % 8
        return self.copy.write(bytes(data))

    def flip_in(self, number: int, path: str, chance: random.Random) -> Refused:
        """Flip a bit of a blob in one version; -1 is the newest."""
        versions = [dict(blobs) for blobs in self.good]
        versions[number][path] = self.flipped(versions[number][path], chance)
        self.copy.replace(versions)
        return self.refused(self.copy)

    def test_copy_itself_is_good(self) -> None:
        self.copy.replace(self.good)
        read_vault(str(self.copy.path), self.output, key_source(KEY))

    def test_a_bit_of_each_object(self) -> None:
        for path in self.good[-1]:
            if path in (".base", ".gitattributes", "README.md"):
                continue
            for seed in range(FLIPS):
                with self.subTest(path=path, seed=seed):
                    self.flip_in(-1, path, random.Random(f"{path} {seed}"))

    def test_a_bit_in_an_older_version(self) -> None:
        for path in ("manifest.json", "vault.json", "trust/000001.json", "index/000"):
            with self.subTest(path=path):
                self.flip_in(1, path, random.Random(path))

    def test_foreign_files_are_ignored(self) -> None:
        self.copy.replace([blobs | {"notes.txt": self.copy.write(b"by a stranger")} for blobs in self.good])
        read_vault(str(self.copy.path), self.output, key_source(KEY))

    def test_history_cut_off(self) -> None:
        self.copy.replace(self.good[-2:])
        self.assertEqual(self.refused(self.copy).code, "HISTORY_LOST")

    def test_version_left_out(self) -> None:
        self.copy.replace(self.good[:2] + self.good[3:])
        self.assertEqual(self.refused(self.copy).code, "HISTORY_LOST")

    def test_trust_log_of_before(self) -> None:
        versions = [dict(blobs) for blobs in self.good]
        del versions[-1]["trust/000002.json"]
        self.copy.replace(versions)
        self.assertIn("trust log is not the one in the tree", self.refused(self.copy).reason)

    def test_trust_entry_twice(self) -> None:
        versions = [dict(blobs) for blobs in self.good]
        versions[-1]["trust/000003.json"] = versions[-1]["trust/000002.json"]
        self.copy.replace(versions)
        self.assertIn("sequence broken", self.refused(self.copy).reason)


if __name__ == "__main__":
    unittest.main()
