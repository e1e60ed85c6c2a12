"""How many parts of a picture file a decoder must walk through one by one.

A file of a few megabytes can hold a million empty chunks, markers or stray bytes, and Pillow
reads each of them in Python: seconds of processor time before the first pixel. Counting them
here without parsing them is cheap and stops early.
"""

import re

_BARE_MARKERS = {0x01, *range(0xD0, 0xDA)}  # JPEG markers without a length
_START_OF_SCAN, _END_OF_IMAGE = 0xDA, 0xD9
_MARKER_IN_SCAN = re.compile(rb"\xff[^\x00\xff\xd0-\xd7]")  # all others belong to the pixels
_MARKERS_PER_SCAN = 20


def count_parts(data: bytes, limit: int) -> int:
    """Number of chunks, markers, blocks and stray bytes before the pixels; at most `limit` + 1.

    It is 0 for formats whose parts are not walked in Python (WebP, BMP) and for anything else.
    """
    if data.startswith(b"\x89PNG"):
        return _png_chunks(data, limit)
    if data.startswith(b"\xff\xd8"):
        return _jpeg_segments(data, limit)
    if data.startswith(b"GIF8"):
        return _gif_blocks(data, limit)
    return 0


def _png_chunks(data: bytes, limit: int) -> int:
    place, count = 8, 0
    while place < len(data) and count <= limit:
        place += 12 + int.from_bytes(data[place : place + 4], "big")
        count += 1
    return count


def _jpeg_segments(data: bytes, limit: int) -> int:
    place, count = 2, 0
    while place + 1 < len(data) and count <= limit:
        marker = data[place + 1]
        if data[place] != 0xFF or marker in (0x00, 0xFF):  # stray bytes and padding
            place += 1
        elif marker == _START_OF_SCAN:
            break
        elif marker in _BARE_MARKERS:
            place += 2
        else:
            place += 2 + int.from_bytes(data[place + 2 : place + 4], "big")
        count += 1
    return count


def jpeg_scans(data: bytes, limit: int) -> int:
    """Number of passes over the picture that a JPEG needs; at most `limit` + 1.

    Counting ends where the picture does: phones append a film, which may hold any bytes. Absurdly
    many other markers between the scans count as too many scans.
    """
    place, count = 2, 0
    for _ in range(_MARKERS_PER_SCAN * (limit + 1)):
        match = _MARKER_IN_SCAN.search(data, place)
        if match is None or data[match.start() + 1] == _END_OF_IMAGE:
            return count
        marker, place = data[match.start() + 1], match.end()
        count += marker == _START_OF_SCAN
        if count > limit:
            return count
        if marker not in _BARE_MARKERS:
            place += int.from_bytes(data[place : place + 2], "big")
    return limit + 1


def _gif_blocks(data: bytes, limit: int) -> int:
    flags = data[10] if len(data) > 10 else 0
    place, count = 13 + (3 << (flags & 7) + 1 if flags & 0x80 else 0), 0
    while place < len(data) and count <= limit and data[place] not in b",;":
        if data[place] == ord("!"):
            place += 2
            while place < len(data) and data[place] and count <= limit:
                place += 1 + data[place]
                count += 1
        place += 1
        count += 1
    return count
