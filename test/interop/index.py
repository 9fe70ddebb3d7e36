"""The index, the encrypted list of what the workspace holds: docs/spec/index.md."""

import hashlib
import struct
from dataclasses import dataclass, field

import pack
from canonical import INVALID, LIMIT, MACHINE_ID, NEWER
from errors import Refused, require
from pack import ChunkRef, padded
from primitives import ZERO_NONCE, EpochKey, mac, open_sealed, sha256, u32

MAGIC = b"SSYNIX\0\1"
MAX_PAYLOAD = 32 * 2**20
OVERHEAD = 69
MAX_PATH = 4096
FILE, LINK, FOLDER = 1, 2, 3
NOTHING_HASH = hashlib.sha256(b"").digest()


@dataclass
class Entry:
    path: str
    type: int
    mode: int
    mtime: int
    version: int
    writer: str
    size: int = 0
    hash: bytes = b""
    chunks: list[ChunkRef] = field(default_factory=list)
    target: str = ""


@dataclass(frozen=True)
class Tombstone:
    path: str
    hash: bytes
    sequence: int
    writer: str


@dataclass
class Shard:
    gear_seed: bytes | None
    packs: list[bytes]
    entries: list[Entry]
    tombstones: list[Tombstone]


def open_shard(data: bytes, number: int, count: int, key: EpochKey, workspace: str) -> Shard:
    """Open one shard whose hash was checked, and read it."""
    require(len(data) <= padded(OVERHEAD + MAX_PAYLOAD), LIMIT, "shard is longer than 32 MiB of payload need")
    require(len(data) >= pack.MIN_BYTES, INVALID, "shard is shorter than 16 KiB")
    require(data[:7] == MAGIC[:7], INVALID, "shard has another magic")
    require(data[7] == MAGIC[7], NEWER, "shard has another version")
    require(data[8:12] == u32(key.epoch), INVALID, "shard is of another epoch than the header")
    object_key = key.derived("sessyn/v1/object/shard", workspace, data[12:44])
    about = MAGIC + workspace.encode() + u32(key.epoch) + u32(number) + u32(count)
    inside = open_sealed(object_key, ZERO_NONCE, about, data[44:], f"shard {number}")
    shard = decode(_unpad(inside, len(data)))
    require((shard.gear_seed is not None) == (number == 0), INVALID, "gear seed is in shard 0 and only there")
    return shard


def check_places(shard: Shard, number: int, count: int, path_key: bytes) -> None:
    """Refuse a path that lies in another shard than its own."""
    for item in [*shard.entries, *shard.tombstones]:
        bits = int.from_bytes(mac(path_key, item.path.encode()), "big") >> 256 - (count.bit_length() - 1)
        require(bits == number, INVALID, f"path {item.path!r} lies in another shard than its own")


def check_tree(entries: list[Entry]) -> None:
    """Refuse an entry of the whole index that lies below a file or a link."""
    blocking = {entry.path for entry in entries if entry.type != FOLDER}
    for entry in entries:
        names = entry.path.split("/")
        above = {"/".join(names[:depth]) for depth in range(1, len(names))}
        require(not above & blocking, INVALID, f"path {entry.path!r} lies below a file or link")


def _unpad(inside: bytes, shard_bytes: int) -> bytes:
    payload_bytes, codec, stored_bytes = struct.unpack(">IBI", inside[:9])
    stored, padding = inside[9 : 9 + stored_bytes], inside[9 + stored_bytes :]
    require(len(stored) == stored_bytes, INVALID, "stored bytes of a shard go beyond its end")
    require(codec <= pack.ZSTD, NEWER, f"unknown codec {codec}")
    require(payload_bytes <= MAX_PAYLOAD, LIMIT, "payload of a shard is longer than 32 MiB")
    shorter = codec == pack.NONE or stored_bytes < payload_bytes
    require(shorter, INVALID, "codec does not make the payload shorter")
    require(shard_bytes == padded(OVERHEAD + stored_bytes), INVALID, "shard has no padded length")
    require(not any(padding), INVALID, "padding of a shard is not zero")
    return pack.decompress(codec, stored, payload_bytes)


class _Reader:
    """Reads the parts of a payload one after another."""

    def __init__(self, data: bytes):
        self.data = data
        self.at = 0

    def take(self, length: int) -> bytes:
        require(self.at + length <= len(self.data), INVALID, "payload ends early")
        self.at += length
        return self.data[self.at - length : self.at]

    def u8(self) -> int:
        return self.take(1)[0]

    def v(self) -> int:
        value, shift = 0, 0
        while True:
            byte = self.u8()
            value |= (byte & 127) << shift
            require(value < 2**48 and shift < 49, INVALID, "variable-length integer of 2^48 or more")
            if byte < 128:
                require(byte > 0 or shift == 0, INVALID, "variable-length integer not in its shortest form")
                return value
            shift += 7

    def count(self, least_bytes: int) -> int:
        """A count of things that take at least so many bytes each."""
        number = self.v()
        require(number * least_bytes <= len(self.data) - self.at, INVALID, "more things counted than bytes follow")
        return number

    def text(self, what: str) -> str:
        length = self.v()
        require(length <= MAX_PATH, LIMIT, f"{what} is longer than {MAX_PATH} bytes")
        try:
            text = self.take(length).decode("utf-8")
        except UnicodeDecodeError:
            raise Refused(INVALID, f"{what} is not UTF-8") from None
        require(text != "" and "\0" not in text, INVALID, f"{what} is empty or holds a NUL")
        return text

    def path(self) -> str:
        path = self.text("path")
        hostile = any(segment in ("", ".", "..") for segment in path.split("/"))
        require(not hostile, INVALID, f"path {path!r} has an empty, . or .. segment")
        return path


class _Table:
    """A table of which every row must be referred to."""

    def __init__(self, rows: list[bytes], what: str):
        ascending = all(one < other for one, other in zip(rows, rows[1:]))
        require(ascending, INVALID, f"table of {what} does not ascend")
        self.rows = rows
        self.what = what
        self.used: set[int] = set()

    def row(self, number: int) -> bytes:
        require(number < len(self.rows), INVALID, f"number beyond the table of {self.what}")
        self.used.add(number)
        return self.rows[number]

    def check_used(self) -> None:
        require(len(self.used) == len(self.rows), INVALID, f"nothing refers to a row of the table of {self.what}")


def decode(payload: bytes) -> Shard:
    """Read the payload of a shard."""
    reader = _Reader(payload)
    flags = reader.u8()
    require(flags <= 1, NEWER, "unknown flags of a shard")
    gear_seed = reader.take(32) if flags else None
    packs = _Table([reader.take(32) for _ in range(reader.count(32))], "packs")
    writers = _Table([reader.take(52) for _ in range(reader.count(52))], "writers")
    for writer in writers.rows:
        is_id = MACHINE_ID.fullmatch(writer.decode("latin-1")) is not None
        require(is_id, INVALID, "table of writers holds what is no machine id")
    entries = [_decode_entry(reader, packs, writers) for _ in range(reader.count(7))]
    tombstones = [_decode_tombstone(reader, writers) for _ in range(reader.count(36))]
    require(reader.at == len(payload), INVALID, "bytes are left over in a payload")
    packs.check_used()
    writers.check_used()
    for items in (entries, tombstones):
        paths = [item.path.encode() for item in items]
        ascending = all(one < other for one, other in zip(paths, paths[1:]))
        require(ascending, INVALID, "paths of a shard do not ascend")
    both = {entry.path for entry in entries} & {tombstone.path for tombstone in tombstones}
    require(not both, INVALID, "a path has an entry and a tombstone")
    return Shard(gear_seed, packs.rows, entries, tombstones)


def _decode_entry(reader: _Reader, packs: _Table, writers: _Table) -> Entry:
    path = reader.path()
    kind = reader.u8()
    require(kind > 0, INVALID, "entry of type 0")
    require(kind <= FOLDER, NEWER, f"entry of unknown type {kind}")
    mode, mtime, version = reader.v(), reader.v(), reader.v()
    require(mode <= 0o777, INVALID, "mode above 0o777")
    entry = Entry(path, kind, mode, mtime, version, writers.row(reader.v()).decode())
    if kind == LINK:
        entry.target = reader.text("link target")
    if kind == FILE:
        _decode_file(reader, packs, entry)
    return entry


def _decode_tombstone(reader: _Reader, writers: _Table) -> Tombstone:
    return Tombstone(reader.path(), reader.take(32), reader.v(), writers.row(reader.v()).decode())


def _decode_file(reader: _Reader, packs: _Table, entry: Entry) -> None:
    entry.size, entry.hash = reader.v(), reader.take(32)
    runs = reader.count(38)
    follows: tuple[int, bytes, int] | None = None
    for _ in range(runs):
        epoch, salt, first = reader.v(), reader.take(32), reader.v()
        require(1 <= epoch < 2**32, INVALID, "run of an epoch out of range")
        require((epoch, salt, first) != follows, INVALID, "two runs that are one")
        chunks = reader.count(3)
        require(chunks > 0, INVALID, "run of no chunks")
        whole = runs == 1 and chunks == 1
        for number in range(first, first + chunks):
            ref = _decode_chunk(reader, packs, entry if whole else None, epoch, salt, number)
            ref.check()
            entry.chunks.append(ref)
        follows = (epoch, salt, first + chunks)
    require(sum(ref.plain_bytes for ref in entry.chunks) == entry.size, INVALID, "size is not the sum of the chunks")
    nothing = not entry.chunks and entry.hash != NOTHING_HASH
    require(not nothing, INVALID, "empty file with another hash than that of nothing")


def _decode_chunk(reader: _Reader, packs: _Table, whole: Entry | None, epoch: int, salt: bytes,
                  number: int) -> ChunkRef:
    name, offset = packs.row(reader.v()), reader.v()
    plain_bytes, plain_hash = (whole.size, whole.hash) if whole else (reader.v(), reader.take(32))
    codec = reader.u8()
    require(codec <= pack.ZSTD, NEWER, f"unknown codec {codec}")
    sealed_bytes = plain_bytes + pack.TAG if codec == pack.NONE else reader.v()
    return ChunkRef(name, offset, sealed_bytes, plain_bytes, codec, epoch, salt, number, plain_hash)


def check_named(data: bytes, name: bytes, size: int, what: str) -> None:
    """Check an object by the SHA-256 and the length that the header states."""
    holds = len(data) == size and sha256(data) == name
    require(holds, "HASH_MISMATCH", f"{what} is not the one that the header names")
