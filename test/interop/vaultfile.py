"""The key boxes and the older workspace keys: docs/spec/vault-file.md."""

from dataclasses import dataclass
from typing import Any

import canonical
from canonical import INVALID, MACHINE_ID, WORKSPACE_ID
from errors import require
from primitives import ZERO_NONCE, EpochKey, hkdf, open_sealed, same, u32
from trust import TrustLog

MAX_BYTES, MAX_BOXES, MAX_PREVIOUS = 2_097_152, 257, 4_095


@dataclass(frozen=True)
class VaultFile:
    workspace: str
    epoch: int
    boxes: dict[str, bytes]
    previous: list[tuple[int, bytes, bytes]]  # epoch, salt, sealed

    def box_info(self, recipient: str) -> bytes:
        """The HPKE info of a recipient's box."""
        return b"sessyn/v1/key-box\0" + self.workspace.encode() + u32(self.epoch) + recipient.encode()

    def check(self, log: TrustLog) -> None:
        require(self.workspace == log.workspace, "SEAL_BROKEN", "vault file of another workspace")
        require(self.epoch == log.epoch, "SEAL_BROKEN", "vault file of another epoch")

    def check_recipients(self, log: TrustLog) -> None:
        due = {*log.trusted(), "passphrase"}
        require(set(self.boxes) == due, "SEAL_BROKEN", "boxes for others than the log trusts")

    def open_previous(self, current: EpochKey, log: TrustLog) -> dict[int, EpochKey]:
        """All keys, by epoch, each checked against its commitment."""
        check_commitment(current, log)
        keys = {current.epoch: current}
        for epoch, salt, sealed in self.previous:
            about = self.workspace.encode() + u32(self.epoch) + u32(epoch)
            associated = b"sessyn/v1/previous-epochs\0" + about
            key = hkdf(current.derived("sessyn/v1/previous-epochs", self.workspace), salt, associated, 32)
            keys[epoch] = EpochKey(open_sealed(key, ZERO_NONCE, associated, sealed, "older key"), epoch)
            check_commitment(keys[epoch], log)
        return keys


def check_commitment(key: EpochKey, log: TrustLog) -> None:
    """A key counts only if the trust log commits to it."""
    commitment = log.commitments.get(key.epoch)
    holds = commitment is not None and same(commitment, key.commitment())
    require(holds, "SEAL_BROKEN", f"key of epoch {key.epoch} does not match its commitment")


def decode(data: bytes) -> VaultFile:
    value = canonical.decode(data, MAX_BYTES, "vault.json")
    canonical.fields(value, "format workspace epoch boxes previous", "vault.json")
    workspace = canonical.matching(value["workspace"], WORKSPACE_ID, "workspace of vault.json")
    epoch = canonical.integer(value["epoch"], 1, 2**32 - 1, "epoch of vault.json")
    boxes = [_decode_box(item) for item in canonical.listed(value["boxes"], MAX_BOXES, "boxes")]
    order = [recipient for recipient, _ in boxes]
    require(order == sorted(set(order)), INVALID, "boxes do not ascend")
    previous = [_decode_previous(item) for item in canonical.listed(value["previous"], MAX_PREVIOUS, "previous")]
    epochs = [older for older, _, _ in previous]
    require(epochs == list(range(1, epoch)), INVALID, "previous epochs are not all and in order")
    return VaultFile(workspace, epoch, dict(boxes), previous)


def _decode_box(item: Any) -> tuple[str, bytes]:
    canonical.fields(item, "recipient sealed", "box")
    if item["recipient"] != "passphrase":
        canonical.matching(item["recipient"], MACHINE_ID, "recipient")
    return item["recipient"], canonical.octets(item["sealed"], 1168, "box")


def _decode_previous(item: Any) -> tuple[int, bytes, bytes]:
    canonical.fields(item, "epoch salt sealed", "previous epoch")
    epoch = canonical.integer(item["epoch"], 1, 2**32 - 1, "previous epoch")
    salt = canonical.octets(item["salt"], 32, "salt of a previous epoch")
    return epoch, salt, canonical.octets(item["sealed"], 48, "key of a previous epoch")
