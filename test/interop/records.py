"""The parts that entries of the trust log consist of: docs/spec/trust.md, "Parts"."""

import unicodedata
from dataclasses import dataclass
from typing import Any

import canonical
from canonical import INVALID
from envelope import OLD_RECOVERY_KEY_IDS, RECOVERY_KEY_IDS, Key
from errors import Refused, require
from primitives import PUBLIC_KEY_BYTES, ZERO_NONCE, EpochKey, open_sealed, sha256

X_WING_PUBLIC_BYTES = 1216
SIGNING_LISTS = (["ed25519"], ["ecdsa-p256"], ["ed25519", "ml-dsa-87"], ["ecdsa-p256", "ml-dsa-87"], ["ml-dsa-87"])


@dataclass(frozen=True)
class MachineRecord:
    """The public keys of a machine."""

    signing: list[Key]
    sealing: bytes
    hash: bytes

    @property
    def machine_id(self) -> str:
        """The machine's id, if this is its first record."""
        return canonical.base32(self.hash, 52)

    @property
    def post_quantum(self) -> bool:
        return any(key.algorithm == "ml-dsa-87" for key in self.signing)

    @property
    def public_keys(self) -> list[bytes]:
        return [key.public_key for key in self.signing] + [self.sealing]


@dataclass(frozen=True)
class SealedName:
    epoch: int
    salt: bytes
    sealed: bytes

    def open(self, key: EpochKey, machine: str) -> str:
        """The machine's name."""
        name_key = key.unbound("sessyn/v1/machine-name", self.salt)
        plain = open_sealed(name_key, ZERO_NONCE, machine.encode(), self.sealed, "name of a machine")
        length = plain[0]
        require(1 <= length <= 63, INVALID, "name of a machine has no length from 1 to 63")
        require(not any(plain[1 + length :]), INVALID, "padding of a machine's name is not zero")
        try:
            name = plain[1 : 1 + length].decode("utf-8")
        except UnicodeDecodeError:
            raise Refused(INVALID, "name of a machine is not UTF-8") from None
        allowed = all(unicodedata.category(character) not in ("Cc", "Zl", "Zp", "Cs") for character in name)
        require(allowed, INVALID, "name of a machine holds a control character or a line separator")
        return name


@dataclass(frozen=True)
class Machine:
    """A machine as an entry brings it."""

    record: MachineRecord
    name: SealedName


@dataclass(frozen=True)
class PassphraseEntry:
    """How the passphrase opens the workspace: costs, salt and the public keys that come from it."""

    salt: bytes
    memory_kib: int
    passes: int
    lanes: int
    recipient: bytes
    recovery_ed25519: bytes
    recovery_ml_dsa_87: bytes

    @property
    def recovery_keys(self) -> list[Key]:
        return self._keys(RECOVERY_KEY_IDS)

    @property
    def old_recovery_keys(self) -> list[Key]:
        return self._keys(OLD_RECOVERY_KEY_IDS)

    @property
    def spent(self) -> list[bytes]:
        return [self.salt, self.recipient, self.recovery_ed25519, self.recovery_ml_dsa_87]

    def _keys(self, names: tuple[str, str]) -> list[Key]:
        return [Key(names[0], "ed25519", self.recovery_ed25519), Key(names[1], "ml-dsa-87", self.recovery_ml_dsa_87)]


def decode_record(value: Any) -> MachineRecord:
    canonical.fields(value, "format signing sealing", "machine record")
    signing = []
    for item in canonical.listed(value["signing"], 2, "signing keys"):
        canonical.fields(item, "algorithm publicKey", "signing key")
        algorithm = canonical.choice(item["algorithm"], " ".join(PUBLIC_KEY_BYTES), "signing algorithm")
        public_key = canonical.octets(item["publicKey"], PUBLIC_KEY_BYTES[algorithm], "signing key")
        signing.append(Key(algorithm, algorithm, public_key))
    algorithms = [key.algorithm for key in signing]
    require(algorithms in SIGNING_LISTS, INVALID, "machine record has another list of signing keys")
    canonical.fields(value["sealing"], "algorithm publicKey", "sealing key")
    canonical.choice(value["sealing"]["algorithm"], "x-wing", "sealing algorithm")
    sealing = canonical.octets(value["sealing"]["publicKey"], X_WING_PUBLIC_BYTES, "sealing key")
    return MachineRecord(signing, sealing, sha256(canonical.encode(value)))


def decode_machine(value: Any) -> Machine:
    canonical.fields(value, "record name", "machine")
    name = canonical.fields(value["name"], "epoch salt sealed", "sealed name")
    epoch = canonical.integer(name["epoch"], 1, 2**32 - 1, "epoch of a name")
    salt = canonical.octets(name["salt"], 32, "salt of a name")
    sealed = canonical.octets(name["sealed"], 80, "sealed name")
    return Machine(decode_record(value["record"]), SealedName(epoch, salt, sealed))


def decode_passphrase(value: Any) -> PassphraseEntry:
    canonical.fields(value, "salt memoryKiB passes lanes recipient recovery", "passphrase entry")
    recovery = canonical.fields(value["recovery"], "ed25519 mlDsa87", "recovery keys")
    return PassphraseEntry(
        canonical.octets(value["salt"], 16, "salt of the passphrase"),
        canonical.integer(value["memoryKiB"], 65_536, 1_048_576, "memoryKiB"),
        canonical.integer(value["passes"], 3, 10, "passes"),
        canonical.integer(value["lanes"], 1, 4, "lanes"),
        canonical.octets(value["recipient"], X_WING_PUBLIC_BYTES, "recipient of the passphrase"),
        canonical.octets(recovery["ed25519"], 32, "recovery key"),
        canonical.octets(recovery["mlDsa87"], 2592, "recovery key"),
    )


def decode_policy(value: Any) -> str:
    """The policy on signatures: `classical` or `hybrid`."""
    canonical.fields(value, "signatures format", "policy")
    return canonical.choice(value["signatures"], "classical hybrid", "policy")
