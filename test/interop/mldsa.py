"""ML-DSA-87 (FIPS 204) in plain Python: making a public key from its seed, and verifying. Never for signing."""

import hashlib
from functools import lru_cache

Q = 8380417
D, TAU, GAMMA1, GAMMA2 = 13, 60, 1 << 19, (Q - 1) // 32
ROWS, COLUMNS, BETA, OMEGA = 8, 7, 120, 75
CHALLENGE_BYTES, Z_BYTES, T1_BYTES = 64, 640, 320

Poly = list[int]

ZETAS = [pow(1753, int(f"{index:08b}"[::-1], 2), Q) for index in range(256)]


def public_key(seed: bytes) -> bytes:
    """ML-DSA.KeyGen_internal (algorithm 6) of a seed, without the private half."""
    expanded = _shake256(seed + bytes([ROWS, COLUMNS]), 128)
    rho, rho_prime = expanded[:32], expanded[32:96]
    s1 = [_ntt(_bounded_poly(rho_prime, number)) for number in range(COLUMNS)]
    packed = b""
    for row, matrix_row in enumerate(_matrix(rho)):
        s2 = _bounded_poly(rho_prime, COLUMNS + row)
        t = [(a + b) % Q for a, b in zip(_inverse_ntt(_dot(matrix_row, s1)), s2)]
        packed += _pack([(value + (1 << (D - 1)) - 1) >> D for value in t], 10)
    return rho + packed


def verify(key: bytes, message: bytes, signature: bytes) -> bool:
    """ML-DSA.Verify (algorithms 3 and 8) with an empty context. Lengths were checked by the caller."""
    challenge_end, z_end = CHALLENGE_BYTES, CHALLENGE_BYTES + COLUMNS * Z_BYTES
    hints = _unpack_hints(signature[z_end:])
    if hints is None:
        return False
    z = [[GAMMA1 - value for value in _unpack(signature[at : at + Z_BYTES], 20)]
         for at in range(challenge_end, z_end, Z_BYTES)]
    if any(abs(value) >= GAMMA1 - BETA for poly in z for value in poly):
        return False
    z_hat = [_ntt(poly) for poly in z]
    challenge = _ntt(_sample_in_ball(signature[:challenge_end]))
    mu = _shake256(_shake256(key, 64) + b"\0\0" + message, 64)
    w1 = b""
    for row, matrix_row in enumerate(_matrix(key[:32])):
        t1 = _unpack(key[32 + row * T1_BYTES : 32 + (row + 1) * T1_BYTES], 10)
        t_hat = _ntt([value << D for value in t1])
        product = _dot(matrix_row, z_hat)
        w = _inverse_ntt([(a - c * t) % Q for a, c, t in zip(product, challenge, t_hat)])
        w1 += _pack([_use_hint(hint, value) for hint, value in zip(hints[row], w)], 4)
    return _shake256(mu + w1, CHALLENGE_BYTES) == signature[:challenge_end]


def _shake256(data: bytes, length: int) -> bytes:
    return hashlib.shake_256(data).digest(length)


def _ntt(poly: Poly) -> Poly:
    w, zeta, length = list(poly), 0, 128
    while length >= 1:
        for start in range(0, 256, 2 * length):
            zeta += 1
            factor = ZETAS[zeta]
            for j in range(start, start + length):
                t = factor * w[j + length] % Q
                w[j + length] = (w[j] - t) % Q
                w[j] = (w[j] + t) % Q
        length //= 2
    return w


def _inverse_ntt(poly: Poly) -> Poly:
    w, zeta, length = list(poly), 256, 1
    while length < 256:
        for start in range(0, 256, 2 * length):
            zeta -= 1
            factor = -ZETAS[zeta]
            for j in range(start, start + length):
                t = w[j]
                w[j] = (t + w[j + length]) % Q
                w[j + length] = factor * (t - w[j + length]) % Q
        length *= 2
    return [value * 8347681 % Q for value in w]


def _dot(row: list[Poly], vector: list[Poly]) -> Poly:
    return [sum(a[i] * b[i] for a, b in zip(row, vector)) % Q for i in range(256)]


@lru_cache(maxsize=4)
def _matrix(rho: bytes) -> list[list[Poly]]:
    """ExpandA (algorithm 32)."""
    return [[_uniform_poly(rho + bytes([column, row])) for column in range(COLUMNS)] for row in range(ROWS)]


def _uniform_poly(seed: bytes) -> Poly:
    """RejNTTPoly (algorithm 30)."""
    length = 1008
    while True:
        stream = hashlib.shake_128(seed).digest(length)
        values = (int.from_bytes(stream[at : at + 3], "little") & 0x7FFFFF for at in range(0, length, 3))
        poly = [value for value in values if value < Q][:256]
        if len(poly) == 256:
            return poly
        length *= 2


def _bounded_poly(seed: bytes, number: int) -> Poly:
    """RejBoundedPoly (algorithm 31) for eta = 2."""
    stream = _shake256(seed + number.to_bytes(2, "little"), 1024)
    halves = (half for byte in stream for half in (byte & 15, byte >> 4))
    return [2 - half % 5 for half in halves if half < 15][:256]


def _sample_in_ball(seed: bytes) -> Poly:
    """SampleInBall (algorithm 29)."""
    stream = _shake256(seed, 2048)
    signs = int.from_bytes(stream[:8], "little")
    poly, at = [0] * 256, 8
    for i in range(256 - TAU, 256):
        while stream[at] > i:
            at += 1
        j = stream[at]
        at += 1
        poly[i] = poly[j]
        poly[j] = -1 if signs & 1 else 1
        signs >>= 1
    return poly


def _use_hint(hint: int, value: int) -> int:
    """UseHint (algorithm 40)."""
    low = value % (2 * GAMMA2)
    if low > GAMMA2:
        low -= 2 * GAMMA2
    if value - low == Q - 1:
        high, low = 0, low - 1
    else:
        high = (value - low) // (2 * GAMMA2)
    if not hint:
        return high
    return (high + 1) % 16 if low > 0 else (high - 1) % 16


def _pack(values: Poly, bits: int) -> bytes:
    number = 0
    for value in reversed(values):
        number = number << bits | value
    return number.to_bytes(len(values) * bits // 8, "little")


def _unpack(data: bytes, bits: int) -> Poly:
    number, mask = int.from_bytes(data, "little"), (1 << bits) - 1
    return [number >> (bits * i) & mask for i in range(256)]


def _unpack_hints(data: bytes) -> list[Poly] | None:
    """HintBitUnpack (algorithm 21)."""
    hints, index = [[0] * 256 for _ in range(ROWS)], 0
    for row in range(ROWS):
        end = data[OMEGA + row]
        if end < index or end > OMEGA:
            return None
        first = index
        while index < end:
            if index > first and data[index - 1] >= data[index]:
                return None
            hints[row][data[index]] = 1
            index += 1
    return None if any(data[index:OMEGA]) else hints
