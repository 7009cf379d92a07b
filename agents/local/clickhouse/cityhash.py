"""CityHash128 in the version of ClickHouse's block checksums: 1.0.2, not the later ones.

Pure Python, for the embedded service only. Source: CityHash 1.0.2 by Geoff Pike and Jyrki Alakuijala (MIT licence).
The names of the variables are those of the source.
"""

import struct

_K0, _K1, _K2, _K3 = 0xC3A5C85C97CB3127, 0xB492B66FBE98F273, 0x9AE16A3B2F90404F, 0xC949D7C7509E6557
_MUL = 0x9DDFEA08EB382D69
_ALL = (1 << 64) - 1
_WORDS = struct.Struct("<16Q")

Pair = tuple[int, int]


def city_hash_128(data: bytes) -> bytes:
    """Return the 16-byte checksum of `data` as ClickHouse writes it: low half first, little endian."""
    low, high = _hash(data)
    return struct.pack("<2Q", low, high)


def _hash(data: bytes) -> Pair:
    size = len(data)
    if size >= 16:
        return _seeded(data[16:], (_word(data, 0) ^ _K3, _word(data, 8)))
    if size >= 8:
        return _seeded(b"", (_word(data, 0) ^ (size * _K0 & _ALL), _word(data, size - 8) ^ _K1))
    return _seeded(data, (_K0, _K1))


def _seeded(data: bytes, seed: Pair) -> Pair:
    return _murmur(data, seed) if len(data) < 128 else _long(data, seed)


def _word(data: bytes, at: int) -> int:
    return int.from_bytes(data[at : at + 8], "little")


def _rotate(value: int, by: int) -> int:
    value &= _ALL
    return (value >> by) | (value << (64 - by) & _ALL)


def _mix(value: int) -> int:
    value &= _ALL
    return value ^ (value >> 47)


def _join(u: int, v: int) -> int:
    v &= _ALL
    a = _mix((u ^ v) * _MUL)
    return _mix((v ^ a) * _MUL) * _MUL & _ALL


def _short(data: bytes) -> int:
    """Hash up to 16 bytes."""
    size = len(data)
    if size > 8:
        a, b = _word(data, 0), _word(data, size - 8)
        return _join(a, _rotate(b + size, size)) ^ b
    if size >= 4:
        a = int.from_bytes(data[:4], "little")
        return _join(size + (a << 3), int.from_bytes(data[-4:], "little"))
    if size > 0:
        y = data[0] + (data[size >> 1] << 8)
        z = size + (data[-1] << 2)
        return _mix((y * _K2) ^ (z * _K3)) * _K2 & _ALL
    return _K2


def _murmur(data: bytes, seed: Pair) -> Pair:
    """Hash fewer than 128 bytes."""
    a, b = seed
    size = len(data)
    if size <= 16:
        a = _mix(a * _K1) * _K1 & _ALL
        c = (b * _K1 + _short(data)) & _ALL
        d = _mix(a + (_word(data, 0) if size >= 8 else c))
    else:
        c = _join((_word(data, size - 8) + _K1) & _ALL, a)
        d = _join((b + size) & _ALL, (c + _word(data, size - 16)) & _ALL)
        a = (a + d) & _ALL
        for at in range(0, size - 16, 16):
            a = ((a ^ _mix(_word(data, at) * _K1) * _K1) * _K1) & _ALL
            b ^= a
            c = ((c ^ _mix(_word(data, at + 8) * _K1) * _K1) * _K1) & _ALL
            d ^= c
    a = _join(a, c)
    b = _join(d, b)
    return a ^ b, _join(b, a)


def _weak(words: tuple[int, ...], a: int, b: int) -> Pair:
    w, x, y, z = words
    a = (a + w) & _ALL
    b = _rotate(b + a + z, 21)
    c = a
    a = (a + x + y) & _ALL
    b += _rotate(a, 44)
    return (a + z) & _ALL, (b + c) & _ALL


def _long(data: bytes, seed: Pair) -> Pair:
    """Hash 128 bytes or more."""
    size = len(data)
    x, y = seed
    z = size * _K1 & _ALL
    v0 = (_rotate(y ^ _K1, 49) * _K1 + _word(data, 0)) & _ALL
    v = v0, (_rotate(v0, 42) * _K1 + _word(data, 8)) & _ALL
    w = (_rotate(y + z, 35) * _K1 + x) & _ALL, _rotate(x + _word(data, 88), 53) * _K1 & _ALL
    for at in range(0, size - 127, 128):
        words = _WORDS.unpack_from(data, at)
        x, y, z, v, w = _roll(words[:8], x, y, z, v, w)
        x, y, z, v, w = _roll(words[8:], x, y, z, v, w)
    y = (y + _rotate(w[0], 37) * _K0 + z) & _ALL
    x = (x + _rotate(v[0] + z, 49) * _K0) & _ALL
    for done in range(32, size % 128 + 32, 32):
        y = (_rotate(y - x, 42) * _K0 + v[1]) & _ALL
        w = (w[0] + _word(data, size - done + 16)) & _ALL, w[1]
        x = (_rotate(x, 49) * _K0 + w[0]) & _ALL
        w = (w[0] + v[0]) & _ALL, w[1]
        v = _weak(_four(data, size - done), v[0], v[1])
    x, y = _join(x, v[0]), _join(y, w[0])
    return (_join((x + v[1]) & _ALL, w[1]) + y) & _ALL, _join((x + w[1]) & _ALL, (y + v[1]) & _ALL)


def _four(data: bytes, at: int) -> tuple[int, ...]:
    return struct.unpack_from("<4Q", data, at)


def _roll(words: tuple[int, ...], x: int, y: int, z: int, v: Pair, w: Pair) -> tuple[int, int, int, Pair, Pair]:
    x = _rotate(x + y + v[0] + words[2], 37) * _K1 & _ALL
    y = _rotate(y + v[1] + words[6], 42) * _K1 & _ALL
    x ^= w[1]
    y ^= v[0]
    z = _rotate(z ^ w[0], 33)
    v = _weak(words[:4], v[1] * _K1, x + w[0])
    w = _weak(words[4:], z + w[1], y)
    return z, y, x, v, w
