"""Packs, their chunks, padding and codecs: docs/spec/pack.md."""

import zlib
from dataclasses import dataclass

import zstandard

from canonical import INVALID, LIMIT, NEWER
from errors import Refused, require
from primitives import EpochKey, open_sealed, sha256, u32

MAGIC = b"SSYNPK\0\1"
MIN_BYTES, MAX_BYTES = 16_384, 16 * 2**20
MAX_PLAIN = 4 * 2**20
TAG = 16
NONE, DEFLATE_RAW, ZSTD = 0, 1, 2
ZSTD_MAGIC = bytes.fromhex("28b52ffd")
ZSTD_MAX_WINDOW = 8 * 2**20


@dataclass(frozen=True)
class ChunkRef:
    """Where a chunk lies and what opens it, as the index says."""

    pack: bytes
    offset: int
    sealed_bytes: int
    plain_bytes: int
    codec: int
    epoch: int
    salt: bytes
    number: int
    hash: bytes

    def check(self) -> None:
        """What is refused of a reference before its pack is known."""
        numbers = (self.offset, self.sealed_bytes, self.plain_bytes, self.number)
        require(all(0 <= number < 2**53 for number in numbers), INVALID, "chunk reference holds no safe integer")
        require(self.plain_bytes <= MAX_PLAIN, LIMIT, "chunk is longer than 4 MiB")
        require(self.number < 2**32, LIMIT, "number of a chunk is above 2^32 - 1")
        require(self.offset + self.sealed_bytes <= MAX_BYTES, LIMIT, "chunk ends beyond 16 MiB")
        require(self.plain_bytes > 0, INVALID, "chunk is empty")
        require(self.offset >= len(MAGIC), INVALID, "chunk begins inside the magic")
        stored = self.sealed_bytes - TAG
        if self.codec == NONE:
            require(stored == self.plain_bytes, INVALID, "sealed bytes of a chunk are not its plain bytes and a tag")
        else:
            require(1 <= stored < self.plain_bytes, INVALID, "codec does not make the chunk shorter")


def padded(length: int) -> int:
    """The padded length of so many bytes."""
    length = max(length, MIN_BYTES)
    exponent = length.bit_length() - 1
    step = 1 << (exponent - exponent.bit_length())
    return (length + step - 1) // step * step


def verify_pack(data: bytes, name: bytes) -> None:
    """Check a pack before any chunk of it is opened."""
    require(len(data) <= MAX_BYTES, LIMIT, f"pack {name.hex()} is longer than 16 MiB")
    require(sha256(data) == name, "HASH_MISMATCH", f"pack {name.hex()} is not what its name says")
    length_holds = len(data) >= MIN_BYTES and padded(len(data)) == len(data)
    require(length_holds, INVALID, f"pack {name.hex()} has no padded length")
    require(data[:7] == MAGIC[:7], INVALID, f"pack {name.hex()} has another magic")
    require(data[7] == MAGIC[7], NEWER, f"pack {name.hex()} has another version")


def open_chunk(pack: bytes, ref: ChunkRef, keys: dict[int, EpochKey], workspace: str) -> bytes:
    """Open one chunk of a verified pack."""
    ref.check()
    end = ref.offset + ref.sealed_bytes
    require(end <= len(pack), INVALID, "chunk ends beyond its pack")
    require(ref.epoch in keys, "SEAL_BROKEN", f"no key of epoch {ref.epoch}")
    key = keys[ref.epoch].derived("sessyn/v1/object/file", workspace, ref.salt)
    about = MAGIC + workspace.encode() + u32(ref.epoch) + bytes([ref.codec]) + u32(ref.number)
    stored = open_sealed(key, ref.number.to_bytes(12, "big"), about, pack[ref.offset : end], "chunk")
    plain = decompress(ref.codec, stored, ref.plain_bytes)
    require(sha256(plain) == ref.hash, "HASH_MISMATCH", "plaintext of a chunk is not what its hash says")
    return plain


def decompress(codec: int, stored: bytes, plain_bytes: int) -> bytes:
    """Undo a codec; anything but exactly `plain_bytes` is refused."""
    require(codec in (NONE, DEFLATE_RAW, ZSTD), NEWER, f"unknown codec {codec}")
    if codec == NONE:
        plain = stored
    else:
        plain = _inflate(stored, plain_bytes) if codec == DEFLATE_RAW else _unzstd(stored, plain_bytes)
    require(len(plain) == plain_bytes, INVALID, "stored bytes do not inflate to the length stated")
    return plain


def _inflate(stored: bytes, plain_bytes: int) -> bytes:
    inflater = zlib.decompressobj(-15)
    try:
        plain = inflater.decompress(stored, plain_bytes + 1)
    except zlib.error:
        raise Refused(INVALID, "stored bytes are no deflate-raw") from None
    whole = inflater.eof and not inflater.unused_data
    require(whole, INVALID, "stored bytes are not exactly one deflate-raw stream of the length stated")
    return plain


def _unzstd(stored: bytes, plain_bytes: int) -> bytes:
    _check_zstd_frame(stored, plain_bytes)
    try:
        return zstandard.ZstdDecompressor(max_window_size=ZSTD_MAX_WINDOW).decompress(stored, plain_bytes)
    except zstandard.ZstdError:
        raise Refused(INVALID, "stored bytes are no zstd") from None


def _check_zstd_frame(stored: bytes, plain_bytes: int) -> None:
    """Exactly one frame (RFC 8878, section 3.1.1), of the length stated, without dictionary, with a small window."""
    require(len(stored) >= 6 and stored[:4] == ZSTD_MAGIC, INVALID, "zstd: another magic")
    descriptor = stored[4]
    require(descriptor & 0x08 == 0, INVALID, "zstd: the reserved bit is set")
    require(descriptor & 0x03 == 0, INVALID, "zstd: a dictionary")
    single_segment, checksum = bool(descriptor & 0x20), bool(descriptor & 0x04)
    size_bytes = (1 if single_segment else 0, 2, 4, 8)[descriptor >> 6]
    require(size_bytes > 0, INVALID, "zstd: no content size")
    at = 5
    window = 0
    if not single_segment:
        base = 1 << (10 + (stored[at] >> 3))
        window = base + base // 8 * (stored[at] & 7)
        at += 1
    content = int.from_bytes(stored[at : at + size_bytes], "little") + (256 if size_bytes == 2 else 0)
    at += size_bytes
    require(max(window, content if single_segment else 0) <= ZSTD_MAX_WINDOW, INVALID, "zstd: a larger window")
    require(content == plain_bytes, INVALID, "zstd: another content size")
    last = False
    while not last:
        block = int.from_bytes(stored[at : at + 3], "little")
        last, kind, size = bool(block & 1), block >> 1 & 3, block >> 3
        at += 3 + (1 if kind == 1 else size)
        require(at <= len(stored), INVALID, "zstd: frame cut short")
    require(at + 4 * checksum == len(stored), INVALID, "zstd: more or less than one frame")
