"""One version of a vault, read and checked from its commit down to the last byte, and the history behind it."""

from collections import Counter as Tally
from dataclasses import dataclass, field
from typing import Callable

import header
import index
import trust
import vaultfile
from envelope import Signature
from errors import Refused, require
from header import Header
from index import Entry, Shard
from pack import ChunkRef, open_chunk, verify_pack
from primitives import EpochKey, sha256
from repository import Commit, Repository
from trust import TrustLog
from vaultfile import VaultFile

CACHED_PACKS = 8
KeySource = Callable[[TrustLog, VaultFile], EpochKey]


@dataclass
class Checked:
    """How much was checked. What many versions share is counted once, but for each version's header and log."""

    counts: Tally[str] = field(default_factory=Tally)
    objects: set[bytes] = field(default_factory=set)

    def once(self, what: str, name: bytes) -> bool:
        """Count an object, and say whether it is met for the first time."""
        if name in self.objects:
            return False
        self.objects.add(name)
        self.counts[what] += 1
        return True

    def signatures(self, good: list[Signature]) -> None:
        """Count signatures that were good, those of ML-DSA-87 once more."""
        self.counts["signatures"] += len(good)
        self.counts["signaturesMlDsa87"] += sum(signature.keyid.endswith("ml-dsa-87") for signature in good)


@dataclass
class Version:
    """A version that was believed in itself."""

    header: Header
    log: TrustLog
    keys: dict[int, EpochKey]
    paths: dict[str, str]
    shards: list[Shard] = field(default_factory=list)

    @property
    def entries(self) -> list[Entry]:
        """All entries, by the bytes of their paths."""
        entries = [entry for shard in self.shards for entry in shard.entries]
        return sorted(entries, key=lambda entry: entry.path.encode())


class Vault:
    """Reads the versions of the one vault in a repository, with the workspace key that `key_source` gives."""

    def __init__(self, repository: Repository, key_source: KeySource):
        self.repository = repository
        self.key_source = key_source
        self.checked = Checked()
        self.workspace, self.head = repository.head()
        self._logs: dict[tuple[str, ...], TrustLog] = {}
        self._packs: dict[tuple[bytes, str], bytes] = {}  # verified, the oldest first

    def newest(self) -> Version:
        """The version at the branch's head, its index open and every chunk checked."""
        paths = self.repository.snapshot(self.head)
        version = self._believe(header.decode(self._blob(paths, "manifest.json")), paths, None)
        self._open_index(version)
        for entry in version.entries:
            self.content(version, entry)
        return version

    def history(self, newest: Version) -> list[Version]:
        """All versions, newest first: docs/spec/header.md, "History"."""
        versions = [newest]
        named = _leads_to(newest)
        commit = self._parent(self.head)
        while named and commit is not None:
            paths = self.repository.snapshot(commit)
            found = self._find(paths, named)
            if found is not None:
                version = self._believe(found, paths, newest)
                self._check_step(version, named.pop(found.hash))
                self._open_index(version)
                for entry in version.entries:
                    self.content(version, entry)
                versions.append(version)
                named.update(_leads_to(version))
            commit = self._parent(commit)
        last = versions[-1].header
        at_the_end = last.sequence == 1 or last.sequence <= newest.header.history_floor or last.kind == "repair"
        require(at_the_end, "HISTORY_LOST", f"history ends too early, at version {last.sequence}")
        return versions

    def content(self, version: Version, entry: Entry) -> bytes:
        """The bytes of a file, each chunk and the whole checked."""
        if entry.type != index.FILE:
            return b""
        plain = b"".join(self._chunk(version, ref) for ref in entry.chunks)
        holds = len(plain) == entry.size and sha256(plain) == entry.hash
        require(holds, "HASH_MISMATCH", f"file {entry.path!r} is not what its hash says")
        return plain

    def _believe(self, shown: Header, paths: dict[str, str], newest: Version | None) -> Version:
        """The steps of docs/spec/README.md up to the MACs."""
        log = self._trust_log(paths)
        require(log.workspace == self.workspace, "TRUST_LOG_INVALID", "another workspace than the branch names")
        shown.believe(log)
        self.checked.signatures(shown.envelope.signatures)
        vault_file = self._vault_file(paths, shown, log)
        if newest is None:
            keys = vault_file.open_previous(self.key_source(log, vault_file), log)
        else:
            keys = {epoch: key for epoch, key in newest.keys.items() if epoch <= shown.epoch}
            require(shown.epoch in keys, "SEAL_BROKEN", f"no key of epoch {shown.epoch}")
            vault_file.open_previous(keys[shown.epoch], log)
        self.checked.counts["tags"] += len(vault_file.previous)
        self.checked.counts["macs"] += log.check_macs(keys) + 1
        shown.check_mac(keys[shown.epoch])
        for machine, member in log.members.items():
            member.name.open(keys[member.name.epoch], machine)
            self.checked.counts["tags"] += 1
        for item in shown.inbox:
            data = self._blob(paths, f"inbox/{item.machine}/{item.id.hex()}")
            index.check_named(data, item.object.sha256, item.object.size, "inbox item")
        self.checked.counts["versions"] += 1
        return Version(shown, log, keys, paths)

    def _trust_log(self, paths: dict[str, str]) -> TrustLog:
        names = sorted(name for name in paths if name.startswith("trust/"))
        expected = [f"trust/{number:06}.json" for number in range(1, len(names) + 1)]
        require(names == expected, "TRUST_LOG_INVALID", "trust/ holds other files than the entries 1, 2, 3, …")
        ids = tuple(paths[name] for name in names)
        if ids not in self._logs:
            log = trust.verify_log([self.repository.blob(oid) for oid in ids])
            for entry in log.entries:
                if self.checked.once("trustEntries", entry.envelope.hash):
                    self.checked.signatures(entry.envelope.signatures + entry.proof)
            self._logs[ids] = log
        return self._logs[ids]

    def _vault_file(self, paths: dict[str, str], shown: Header, log: TrustLog) -> VaultFile:
        data = self._blob(paths, "vault.json")
        require(sha256(data) == shown.vault, "HASH_MISMATCH", "vault.json is not the one that the header names")
        vault_file = vaultfile.decode(data)
        vault_file.check(log)
        vault_file.check_recipients(log)
        return vault_file

    def _open_index(self, version: Version) -> None:
        shown, key = version.header, version.keys[version.header.epoch]
        path_key = key.derived("sessyn/v1/path", self.workspace)
        count = len(shown.shards)
        for number, named in enumerate(shown.shards):
            data = self._blob(version.paths, f"index/{number:03x}")
            index.check_named(data, named.sha256, named.size, f"index shard {number}")
            shard = index.open_shard(data, number, count, key, self.workspace)
            index.check_places(shard, number, count, path_key)
            for name in shard.packs:
                self._pack(version, name)
            version.shards.append(shard)
            if self.checked.once("shards", named.sha256):
                self.checked.counts["tags"] += 1
        index.check_tree(version.entries)

    def _pack(self, version: Version, name: bytes) -> bytes:
        path = f"packs/{name.hex()[:2]}/{name.hex()}"
        require(path in version.paths, "STORE_OBJECT_MISSING", f"pack {name.hex()} that the index names is missing")
        place = (name, version.paths[path])
        if place not in self._packs:
            data = self.repository.blob(place[1])
            verify_pack(data, name)
            self.checked.once("packs", name)
            while len(self._packs) >= CACHED_PACKS:
                self._packs.pop(next(iter(self._packs)))
            self._packs[place] = data
        return self._packs[place]

    def _chunk(self, version: Version, ref: ChunkRef) -> bytes:
        plain = open_chunk(self._pack(version, ref.pack), ref, version.keys, self.workspace)
        if self.checked.once("chunks", ref.pack + ref.offset.to_bytes(8, "big")):
            self.checked.counts["tags"] += 1
        return plain

    def _find(self, paths: dict[str, str], named: dict[bytes, Version]) -> Header | None:
        """The header in a tree, if it is one of those that belong to the history."""
        try:
            found = header.decode(self._blob(paths, "manifest.json"))
        except Refused:
            return None
        return found if found.hash in named else None

    def _check_step(self, older: Version, newer: Version) -> None:
        """Whoever had seen the older version must have believed the newer one."""
        if newer.header.previous != older.header.hash:
            return  # superseded by a repair, which may contradict it in any way
        verdict, doubt = header.compare(older.header, older.log, newer.header, newer.log)
        steps = f"from version {older.header.sequence} to {newer.header.sequence}"
        require(verdict in ("newer", "repair"), "HEADER_INVALID", f"{steps}: {verdict} ({doubt})")
        header.check_newer(older.header, newer.header, newer.log)

    def _parent(self, commit: Commit) -> Commit | None:
        if commit.parent is None or not self.repository.has(commit.parent):
            return None
        return self.repository.commit(commit.parent)

    def _blob(self, paths: dict[str, str], path: str) -> bytes:
        require(path in paths, "STORE_OBJECT_MISSING", f"{path} is missing")
        return self.repository.blob(paths[path])


def _leads_to(version: Version) -> dict[bytes, Version]:
    """The hashes of the headers that a version names, with the version."""
    names = (version.header.previous, version.header.supersedes)
    return {name: version for name in names if name is not None}
