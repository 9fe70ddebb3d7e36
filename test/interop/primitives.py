"""The primitives of docs/spec/crypto.md and the keys of docs/spec/keys.md."""

import hashlib
import hmac

from argon2.low_level import Type, hash_secret_raw
from cryptography.exceptions import InvalidSignature, InvalidTag
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey, Ed25519PublicKey
from cryptography.hazmat.primitives.asymmetric.utils import encode_dss_signature
from cryptography.hazmat.primitives.ciphers.aead import AESGCM
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat

import mldsa
from errors import Refused, require

FIELD = 2**255 - 19
ED25519_ORDER = 2**252 + 27742317777372353535851937790883648493
P256_ORDER = 0xFFFFFFFF00000000FFFFFFFFFFFFFFFFBCE6FAADA7179E84F3B9CAC2FC632551
ZERO_NONCE = bytes(12)

# The y coordinates of the eight points of small order: 1, -1, 0, and the two of order 8.
SMALL_ORDER_Y = {
    1,
    FIELD - 1,
    0,
    int.from_bytes(bytes.fromhex("c7176a703d4dd84fba3c0b760d10670f2a2053fa2c39ccc64ec7fd7792ac037a"), "little"),
    int.from_bytes(bytes.fromhex("26e8958fc2b227b045c3f489f2ef98f0d5dfac05d3c63339b13802886d53fc05"), "little"),
}

PUBLIC_KEY_BYTES = {"ed25519": 32, "ecdsa-p256": 65, "ml-dsa-87": 2592}
SIGNATURE_BYTES = {"ed25519": 64, "ecdsa-p256": 64, "ml-dsa-87": 4627}


def sha256(data: bytes) -> bytes:
    return hashlib.sha256(data).digest()


def mac(key: bytes, data: bytes) -> bytes:
    return hmac.new(key, data, hashlib.sha256).digest()


def same(one: bytes, other: bytes) -> bool:
    """Compare in constant time."""
    return hmac.compare_digest(one, other)


def u32(number: int) -> bytes:
    return number.to_bytes(4, "big")


def hkdf_extract(ikm: bytes, salt: bytes) -> bytes:
    return mac(salt or bytes(32), ikm)


def hkdf_expand(key: bytes, info: bytes, length: int) -> bytes:
    output, block, number = b"", b"", 1
    while len(output) < length:
        block = mac(key, block + info + bytes([number]))
        output += block
        number += 1
    return output[:length]


def hkdf(ikm: bytes, salt: bytes, info: bytes, length: int) -> bytes:
    require(1 <= length <= 8160, "PARAMETER_INVALID", "HKDF of this length is not allowed")
    return hkdf_expand(hkdf_extract(ikm, salt), info, length)


def open_sealed(key: bytes, nonce: bytes, associated: bytes, sealed: bytes, what: str) -> bytes:
    """Open AES-256-GCM. Whatever is wrong, the answer is the same."""
    require(len(key) == 32 and len(nonce) == 12, "PARAMETER_INVALID", "AES-256-GCM takes 32 and 12 bytes")
    try:
        require(len(sealed) >= 16, "SEAL_BROKEN", f"{what} does not open")
        return AESGCM(key).decrypt(nonce, sealed, associated)
    except InvalidTag:
        raise Refused("SEAL_BROKEN", f"{what} does not open") from None


def verify(algorithm: str, public_key: bytes, message: bytes, signature: bytes) -> bool:
    """Whether a signature is good; docs/spec/crypto.md, "Signatures". Never fails in another way."""
    if len(public_key) != PUBLIC_KEY_BYTES[algorithm] or len(signature) != SIGNATURE_BYTES[algorithm]:
        return False
    if algorithm == "ed25519":
        return _verify_ed25519(public_key, message, signature)
    if algorithm == "ecdsa-p256":
        return _verify_p256(public_key, message, signature)
    return mldsa.verify(public_key, message, signature)


def _verify_ed25519(public_key: bytes, message: bytes, signature: bytes) -> bool:
    if not _good_point(public_key) or not _good_point(signature[:32]):
        return False
    if int.from_bytes(signature[32:], "little") >= ED25519_ORDER:
        return False
    try:
        # OpenSSL encodes [S]B - [k]A and compares it with the bytes of R, without the cofactor.
        Ed25519PublicKey.from_public_bytes(public_key).verify(signature, message)
        return True
    except (InvalidSignature, ValueError):
        return False


def _good_point(encoded: bytes) -> bool:
    """Canonical and not of small order. The points with x = 0, which could have a false sign, are of small order."""
    y = int.from_bytes(encoded, "little") & (2**255 - 1)
    return y < FIELD and y not in SMALL_ORDER_Y


def _verify_p256(public_key: bytes, message: bytes, signature: bytes) -> bool:
    r, s = int.from_bytes(signature[:32], "big"), int.from_bytes(signature[32:], "big")
    if not 0 < r < P256_ORDER or not 0 < s <= P256_ORDER // 2 or public_key[0] != 4:
        return False
    try:
        key = ec.EllipticCurvePublicKey.from_encoded_point(ec.SECP256R1(), public_key)
        key.verify(encode_dss_signature(r, s), message, ec.ECDSA(hashes.SHA256()))
        return True
    except (InvalidSignature, ValueError):
        return False


def ed25519_public_key(seed: bytes) -> bytes:
    return Ed25519PrivateKey.from_private_bytes(seed).public_key().public_bytes(Encoding.Raw, PublicFormat.Raw)


def argon2id(password: bytes, salt: bytes, memory_kib: int, passes: int, lanes: int) -> bytes:
    """32 bytes of Argon2id, version 0x13."""
    return hash_secret_raw(password, salt, passes, memory_kib, lanes, 32, Type.ID, 0x13)


class EpochKey:
    """A workspace key of one epoch and what is derived from it: docs/spec/keys.md."""

    def __init__(self, key: bytes, epoch: int):
        require(len(key) == 32, "PARAMETER_INVALID", "a workspace key has 32 bytes")
        require(1 <= epoch < 2**32, "PARAMETER_INVALID", "an epoch is from 1 to 2^32 - 1")
        self._key = key
        self.epoch = epoch

    def commitment(self) -> bytes:
        return self.unbound("sessyn/v1/commitment", b"")

    def unbound(self, label: str, salt: bytes) -> bytes:
        """A key or value that is not bound to the workspace id."""
        return hkdf(self._key, salt, label.encode() + b"\0" + u32(self.epoch), 32)

    def derived(self, label: str, workspace: str, salt: bytes = b"") -> bytes:
        """A key for one purpose or, with a salt, for one object."""
        info = label.encode() + b"\0" + workspace.encode() + u32(self.epoch)
        return hkdf(self._key, salt, info, 32)
