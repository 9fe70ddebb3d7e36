"""DSSE envelopes with a MAC: docs/spec/envelope.md."""

from dataclasses import dataclass
from typing import Any

import canonical
from canonical import INVALID
from errors import require
from primitives import SIGNATURE_BYTES, EpochKey, mac, same, sha256, verify

LIMITS = {"trust": 65_536, "relay": 65_536, "join": 32_768, "header": 1_048_576, "inbox": 1_048_576}
MAX_SIGNATURES = 4
RECOVERY_KEY_IDS = ("recovery-ed25519", "recovery-ml-dsa-87")
OLD_RECOVERY_KEY_IDS = ("old-recovery-ed25519", "old-recovery-ml-dsa-87")
KEY_IDS = " ".join((*SIGNATURE_BYTES, *RECOVERY_KEY_IDS, *OLD_RECOVERY_KEY_IDS))


@dataclass(frozen=True)
class Key:
    """A public key that must sign, and the keyid that must stand at its place."""

    keyid: str
    algorithm: str
    public_key: bytes


@dataclass(frozen=True)
class Signature:
    keyid: str
    sig: bytes


@dataclass(frozen=True)
class Envelope:
    """An envelope of good form, in which nothing is believed yet."""

    payload: bytes
    signed_bytes: bytes
    hash: bytes
    mac: bytes
    signatures: list[Signature]

    def document(self, kind: str) -> dict[str, Any]:
        return canonical.decode(self.payload, LIMITS[kind] * 3 // 4, f"{kind} document")

    def signed_by(self, keys: list[Key]) -> bool:
        return all_signed(keys, self.signatures, self.signed_bytes)

    def maced_by(self, key: EpochKey, workspace: str) -> bool:
        return same(mac(key.derived("sessyn/v1/envelope-mac", workspace), self.signed_bytes), self.mac)


def decode(data: bytes, kind: str) -> Envelope:
    """Read an envelope of the kind that the caller came to read."""
    what = f"{kind} envelope"
    outer = canonical.fields(canonical.decode(data, LIMITS[kind], what), "mac payload payloadType signatures", what)
    payload_type = f"application/vnd.sessyn.{kind}+json"
    require(outer["payloadType"] == payload_type, INVALID, f"{what} has another payload type")
    payload = canonical.octets(outer["payload"], None, f"payload of {what}")
    require(len(payload) > 0, INVALID, f"payload of {what} is empty")
    tag = canonical.octets(outer["mac"], 32, f"MAC of {what}")
    signatures = decode_signatures(outer["signatures"], what)
    signed_bytes = b" ".join([b"DSSEv1", *_counted(payload_type.encode()), *_counted(payload)])
    return Envelope(payload, signed_bytes, sha256(signed_bytes), tag, signatures)


def decode_signatures(value: Any, what: str) -> list[Signature]:
    """Read a list of `{keyid, sig}`."""
    signatures = []
    for item in canonical.listed(value, MAX_SIGNATURES, f"signatures of {what}"):
        canonical.fields(item, "keyid sig", f"signature of {what}")
        keyid = canonical.choice(item["keyid"], KEY_IDS, "keyid")
        algorithm = keyid.removeprefix("old-").removeprefix("recovery-")
        sig = canonical.octets(item["sig"], SIGNATURE_BYTES[algorithm], f"signature of {what}")
        signatures.append(Signature(keyid, sig))
    return signatures


def all_signed(keys: list[Key], signatures: list[Signature], message: bytes) -> bool:
    """One good signature by each key, in this order, and no other."""
    if not keys or [key.keyid for key in keys] != [signature.keyid for signature in signatures]:
        return False
    pairs = zip(keys, signatures)
    return all(verify(key.algorithm, key.public_key, message, signature.sig) for key, signature in pairs)


def _counted(data: bytes) -> tuple[bytes, bytes]:
    return str(len(data)).encode(), data
