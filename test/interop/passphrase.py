"""From what a person types to the key of the current epoch: docs/spec/passphrase.md."""

import unicodedata
from dataclasses import dataclass

import mldsa
import xwing
from errors import require
from primitives import EpochKey, argon2id, ed25519_public_key, hkdf, same
from trust import TrustLog
from vaultfile import VaultFile


@dataclass(frozen=True)
class PassphraseKeys:
    """The seed that opens the box, and the public keys of recovery."""

    recipient_seed: bytes
    recovery_ed25519: bytes
    recovery_ml_dsa_87: bytes


def derive(text: str, salt: bytes, memory_kib: int, passes: int, lanes: int) -> PassphraseKeys:
    password = unicodedata.normalize("NFKC", text).encode("utf-8")
    require(len(password) > 0, "PASSPHRASE_WRONG", "the passphrase is empty")
    root = argon2id(password, salt, memory_kib, passes, lanes)
    seeds = [hkdf(root, b"", f"sessyn/v1/passphrase/{name}".encode(), 32)
             for name in ("recipient", "recovery-ed25519", "recovery-ml-dsa-87")]
    return PassphraseKeys(seeds[0], ed25519_public_key(seeds[1]), mldsa.public_key(seeds[2]))


def open_workspace(text: str, log: TrustLog, vault_file: VaultFile) -> EpochKey:
    """Unseal the workspace key, once all three public keys are those of the passphrase entry in force."""
    entry = log.passphrase
    keys = derive(text, entry.salt, entry.memory_kib, entry.passes, entry.lanes)
    holds = (same(xwing.public_key(keys.recipient_seed), entry.recipient)
             and same(keys.recovery_ed25519, entry.recovery_ed25519)
             and same(keys.recovery_ml_dsa_87, entry.recovery_ml_dsa_87))
    require(holds, "PASSPHRASE_WRONG", "the passphrase is not the one of this log, or the log is invented")
    return xwing.open_box(vault_file, "passphrase", keys.recipient_seed)
