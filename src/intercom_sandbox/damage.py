"""Bodies that hurt whoever reads them without a bound."""

from __future__ import annotations

import struct
import zlib
from functools import lru_cache

BLOCK = 1024 * 1024


def nested(depth: int) -> bytes:
    """Valid JSON, an object in an object, that deep."""
    return b'{"type":' * depth + b"1" + b"}" * depth


@lru_cache(maxsize=4)
def gzip_bomb(size: int) -> bytes:
    """A gzip body that unpacks to `size` bytes of valid JSON: a string of spaces."""
    packer = zlib.compressobj(9, zlib.DEFLATED, -zlib.MAX_WBITS)
    block = b" " * BLOCK
    blocks = max(1, size // BLOCK)
    first = packer.compress(b'{"type":"' + block[:-9]) + packer.flush(zlib.Z_FULL_FLUSH)
    # After a full flush the packer has forgotten all, so every further block packs to the same bytes.
    packed = packer.compress(block) + packer.flush(zlib.Z_FULL_FLUSH)
    end = packer.compress(b'"}') + packer.flush(zlib.Z_FINISH)
    check = zlib.crc32(b'{"type":"' + block[:-9])
    for _ in range(blocks - 1):
        check = zlib.crc32(block, check)
    check = zlib.crc32(b'"}', check)
    tail = struct.pack("<II", check, (blocks * BLOCK + 2) & 0xFFFFFFFF)
    return b"\x1f\x8b\x08\x00\x00\x00\x00\x00\x02\xff" + first + packed * (blocks - 1) + end + tail
