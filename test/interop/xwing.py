"""Opening what was sealed to an X-Wing public key: docs/spec/crypto.md, "Sealing to a public key".

ML-KEM-768 (FIPS 203) and the parts of HPKE (RFC 9180) that are needed to open, in plain Python. It takes no care to
run in constant time, and so is for reading vaults on one's own machine and for nothing else.
"""

import hashlib

from cryptography.hazmat.primitives.asymmetric.x25519 import X25519PrivateKey, X25519PublicKey
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat

from errors import Refused, require
from primitives import EpochKey, hkdf_expand, hkdf_extract, open_sealed
from vaultfile import VaultFile

Q, RANK, ETA, DU, DV = 3329, 3, 2, 10, 4
POLY_BYTES, DU_BYTES, DV_BYTES = 384, 320, 128
ML_KEM_CIPHERTEXT, ENC_BYTES = 1088, 1120
X_WING_LABEL = bytes.fromhex("5c2e2f2f5e5c")
HPKE_SUITE = b"HPKE" + bytes.fromhex("647a00010002")
MODE_BASE = b"\0"

Poly = list[int]

BIT_REVERSED = [int(f"{index:07b}"[::-1], 2) for index in range(128)]
ZETAS = [pow(17, index, Q) for index in BIT_REVERSED]
GAMMAS = [pow(17, 2 * index + 1, Q) for index in BIT_REVERSED]


def open_box(vault_file: VaultFile, recipient: str, seed: bytes) -> EpochKey:
    """The workspace key of the current epoch out of a recipient's box. It counts only if it matches its commitment."""
    box = vault_file.boxes.get(recipient)
    require(box is not None, "SEAL_BROKEN", f"no key box for the recipient {recipient}")
    plain = open_base(seed, vault_file.box_info(recipient), box)
    require(len(plain) == 32, "SEAL_BROKEN", "key box holds no key")
    return EpochKey(plain, vault_file.epoch)


def open_base(seed: bytes, info: bytes, sealed: bytes) -> bytes:
    """HPKE's OpenBase, single shot, without associated data."""
    require(len(sealed) >= ENC_BYTES + 16, "SEAL_BROKEN", "key box does not open")
    secret = decapsulate(seed, sealed[:ENC_BYTES])
    context = MODE_BASE + _labeled_extract(b"", b"psk_id_hash", b"") + _labeled_extract(b"", b"info_hash", info)
    schedule = _labeled_extract(secret, b"secret", b"")
    key = _labeled_expand(schedule, b"key", context, 32)
    nonce = _labeled_expand(schedule, b"base_nonce", context, 12)
    return open_sealed(key, nonce, b"", sealed[ENC_BYTES:], "key box")


def public_key(seed: bytes) -> bytes:
    """The X-Wing public key of a seed: pk_M || pk_X."""
    ml_kem_seed, x25519_key = _expand(seed)
    return _ml_kem_keys(ml_kem_seed)[0] + _x25519_public(x25519_key)


def decapsulate(seed: bytes, enc: bytes) -> bytes:
    """X-Wing's shared secret."""
    require(len(seed) == 32 and len(enc) == ENC_BYTES, "SEAL_BROKEN", "X-Wing takes 32 and 1,120 bytes")
    ml_kem_seed, x25519_key = _expand(seed)
    ml_kem_secret = _ml_kem_decapsulate(ml_kem_seed, enc[:ML_KEM_CIPHERTEXT])
    ciphertext = enc[ML_KEM_CIPHERTEXT:]
    try:
        shared = x25519_key.exchange(X25519PublicKey.from_public_bytes(ciphertext))
    except ValueError:  # a secret of zeros
        raise Refused("SEAL_BROKEN", "key box does not open") from None
    return hashlib.sha3_256(ml_kem_secret + shared + ciphertext + _x25519_public(x25519_key) + X_WING_LABEL).digest()


def _expand(seed: bytes) -> tuple[bytes, X25519PrivateKey]:
    expanded = hashlib.shake_256(seed).digest(96)
    return expanded[:64], X25519PrivateKey.from_private_bytes(expanded[64:])


def _x25519_public(key: X25519PrivateKey) -> bytes:
    return key.public_key().public_bytes(Encoding.Raw, PublicFormat.Raw)


def _labeled_extract(salt: bytes, label: bytes, ikm: bytes) -> bytes:
    return hkdf_extract(b"HPKE-v1" + HPKE_SUITE + label + ikm, salt)


def _labeled_expand(key: bytes, label: bytes, info: bytes, length: int) -> bytes:
    return hkdf_expand(key, length.to_bytes(2, "big") + b"HPKE-v1" + HPKE_SUITE + label + info, length)


def _ml_kem_keys(seed: bytes) -> tuple[bytes, list[Poly]]:
    """K-PKE.KeyGen (algorithm 13): the public key, and the secret vector in NTT form."""
    expanded = hashlib.sha3_512(seed[:32] + bytes([RANK])).digest()
    rho, sigma = expanded[:32], expanded[32:]
    secret = [_ntt(_noise(sigma, number)) for number in range(RANK)]
    packed = b""
    for row, matrix_row in enumerate(_matrix(rho)):
        error = _ntt(_noise(sigma, RANK + row))
        packed += _pack(_add(_dot(matrix_row, secret), error), 12)
    return packed + rho, secret


def _ml_kem_decapsulate(seed: bytes, ciphertext: bytes) -> bytes:
    """ML-KEM.Decaps_internal (algorithm 18) with the key pair of a seed."""
    public, secret = _ml_kem_keys(seed)
    message = _decrypt(secret, ciphertext)
    expanded = hashlib.sha3_512(message + hashlib.sha3_256(public).digest()).digest()
    if _encrypt(public, message, expanded[32:]) == ciphertext:
        return expanded[:32]
    return hashlib.shake_256(seed[32:] + ciphertext).digest(32)


def _encrypt(public: bytes, message: bytes, randomness: bytes) -> bytes:
    """K-PKE.Encrypt (algorithm 14)."""
    t = [_unpack(public[at : at + POLY_BYTES], 12) for at in range(0, RANK * POLY_BYTES, POLY_BYTES)]
    y = [_ntt(_noise(randomness, number)) for number in range(RANK)]
    transposed = list(zip(*_matrix(public[RANK * POLY_BYTES :])))
    output = b""
    for row, column in enumerate(transposed):
        u = _add(_inverse_ntt(_dot(list(column), y)), _noise(randomness, RANK + row))
        output += _pack([_compress(value, DU) for value in u], DU)
    v = _add(_inverse_ntt(_dot(t, y)), _noise(randomness, 2 * RANK))
    v = _add(v, [_decompress(bit, 1) for bit in _unpack(message, 1)])
    return output + _pack([_compress(value, DV) for value in v], DV)


def _decrypt(secret: list[Poly], ciphertext: bytes) -> bytes:
    """K-PKE.Decrypt (algorithm 15)."""
    u_end = RANK * DU_BYTES
    u = [[_decompress(value, DU) for value in _unpack(ciphertext[at : at + DU_BYTES], DU)]
         for at in range(0, u_end, DU_BYTES)]
    v = [_decompress(value, DV) for value in _unpack(ciphertext[u_end:], DV)]
    product = _inverse_ntt(_dot(secret, [_ntt(poly) for poly in u]))
    return _pack([_compress((a - b) % Q, 1) for a, b in zip(v, product)], 1)


def _matrix(rho: bytes) -> list[list[Poly]]:
    return [[_uniform(rho + bytes([column, row])) for column in range(RANK)] for row in range(RANK)]


def _uniform(seed: bytes) -> Poly:
    """SampleNTT (algorithm 7)."""
    length = 840
    while True:
        stream = hashlib.shake_128(seed).digest(length)
        triples = (int.from_bytes(stream[at : at + 3], "little") for at in range(0, length, 3))
        poly = [value for triple in triples for value in (triple & 0xFFF, triple >> 12) if value < Q][:256]
        if len(poly) == 256:
            return poly
        length *= 2


def _noise(seed: bytes, number: int) -> Poly:
    """SamplePolyCBD (algorithm 8) for eta = 2."""
    nibbles = _unpack(hashlib.shake_256(seed + bytes([number])).digest(64 * ETA), 4)
    return [((n & 1) + (n >> 1 & 1) - (n >> 2 & 1) - (n >> 3)) % Q for n in nibbles]


def _ntt(poly: Poly) -> Poly:
    f, zeta, length = list(poly), 1, 128
    while length >= 2:
        for start in range(0, 256, 2 * length):
            for j in range(start, start + length):
                t = ZETAS[zeta] * f[j + length]
                f[j + length] = (f[j] - t) % Q
                f[j] = (f[j] + t) % Q
            zeta += 1
        length //= 2
    return f


def _inverse_ntt(poly: Poly) -> Poly:
    f, zeta, length = list(poly), 127, 2
    while length <= 128:
        for start in range(0, 256, 2 * length):
            for j in range(start, start + length):
                t = f[j]
                f[j] = (t + f[j + length]) % Q
                f[j + length] = ZETAS[zeta] * (f[j + length] - t) % Q
            zeta -= 1
        length *= 2
    return [value * 3303 % Q for value in f]


def _dot(row: list[Poly], vector: list[Poly]) -> Poly:
    total = [0] * 256
    for a, b in zip(row, vector):
        for i in range(128):
            low, high = 2 * i, 2 * i + 1
            total[low] += a[low] * b[low] + a[high] * b[high] % Q * GAMMAS[i]
            total[high] += a[low] * b[high] + a[high] * b[low]
    return [value % Q for value in total]


def _add(one: Poly, other: Poly) -> Poly:
    return [(a + b) % Q for a, b in zip(one, other)]


def _compress(value: int, bits: int) -> int:
    return ((value << bits) + Q // 2) // Q % (1 << bits)


def _decompress(value: int, bits: int) -> int:
    return (value * Q + (1 << bits - 1)) >> bits


def _pack(values: Poly, bits: int) -> bytes:
    number = 0
    for value in reversed(values):
        number = number << bits | value
    return number.to_bytes(len(values) * bits // 8, "little")


def _unpack(data: bytes, bits: int) -> Poly:
    number, mask = int.from_bytes(data, "little"), (1 << bits) - 1
    return [number >> (bits * i) & mask for i in range(len(data) * 8 // bits)]
