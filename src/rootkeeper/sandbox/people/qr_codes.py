"""QR codes as inline SVG: byte mode, error correction level M, versions 1 to 15.

Source: ISO/IEC 18004; sections in the code name its parts.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator

from rootkeeper.sandbox.people.markup import Markup, tag

_QUIET_MODULES = 4
_PENALTIES = (3, 3, 40, 10)
_BLOCKS: tuple[tuple[int, tuple[tuple[int, int], ...]], ...] = (
    (10, ((1, 16),)),
    (16, ((1, 28),)),
    (26, ((1, 44),)),
    (18, ((2, 32),)),
    (24, ((2, 43),)),
    (16, ((4, 27),)),
    (18, ((4, 31),)),
    (22, ((2, 38), (2, 39))),
    (22, ((3, 36), (2, 37))),
    (26, ((4, 43), (1, 44))),
    (30, ((1, 50), (4, 51))),
    (22, ((6, 36), (2, 37))),
    (22, ((8, 37), (1, 38))),
    (24, ((4, 40), (5, 41))),
    (24, ((5, 41), (5, 42))),
)
"""By version: error correction codewords of a block, then numbers of blocks with their data codewords (table 9)."""
_ALIGNMENTS = (
    (),
    (6, 18),
    (6, 22),
    (6, 26),
    (6, 30),
    (6, 34),
    (6, 22, 38),
    (6, 24, 42),
    (6, 26, 46),
    (6, 28, 50),
    (6, 30, 54),
    (6, 32, 58),
    (6, 34, 62),
    (6, 26, 46, 66),
    (6, 26, 48, 70),
)
"""By version: rows and columns of alignment patterns' centres (annex E)."""
_MASKS: tuple[Callable[[int, int], bool], ...] = (
    lambda row, column: (row + column) % 2 == 0,
    lambda row, _column: row % 2 == 0,
    lambda _row, column: column % 3 == 0,
    lambda row, column: (row + column) % 3 == 0,
    lambda row, column: (row // 2 + column // 3) % 2 == 0,
    lambda row, column: row * column % 2 + row * column % 3 == 0,
    lambda row, column: (row * column % 2 + row * column % 3) % 2 == 0,
    lambda row, column: ((row + column) % 2 + row * column % 3) % 2 == 0,
)
_EXPONENTS, _LOGARITHMS = [0] * 512, [0] * 256


def _fill_field() -> None:
    """Fill the tables of the field GF(2⁸) with the polynomial 285."""
    value = 1
    for exponent in range(255):
        _EXPONENTS[exponent] = _EXPONENTS[exponent + 255] = value
        _LOGARITHMS[value] = exponent
        value = value << 1 ^ (285 if value & 128 else 0)


_fill_field()


def draw_qr_code(text: str, label: str) -> Markup | None:
    """Draw a text; ``None`` for one that is too long."""
    modules = encode_qr_code(text.encode())
    if modules is None:
        return None
    size = len(modules) + 2 * _QUIET_MODULES
    path = "".join(
        f"M{column + _QUIET_MODULES},{row + _QUIET_MODULES}h1v1h-1z"
        for row, line in enumerate(modules)
        for column, is_dark in enumerate(line)
        if is_dark
    )
    drawn = tag("path", d=path, fill="#000000")
    return tag("svg", drawn, viewBox=f"0 0 {size} {size}", role="img", aria_label=label, shape_rendering="crispEdges")


def encode_qr_code(data: bytes) -> list[list[bool]] | None:
    """Encode bytes as rows of modules, dark ones true; ``None`` if no version here holds them."""
    for version, (correction_size, groups) in enumerate(_BLOCKS, start=1):
        capacity = sum(number * size for number, size in groups)
        codewords = _encode_data(data, version, capacity)
        if codewords is not None:
            blocks = _split_blocks(codewords, groups)
            return _Symbol(version, _interleave(blocks, correction_size)).modules
    return None


def _encode_data(data: bytes, version: int, capacity: int) -> bytes | None:
    """Write mode, length, data, end and padding (section 7.4)."""
    count_bits = 8 if version < 10 else 16
    if 4 + count_bits + 8 * len(data) > 8 * capacity:
        return None
    bits = f"{0b0100:04b}{len(data):0{count_bits}b}" + "".join(f"{byte:08b}" for byte in data)
    bits += "0" * min(4, 8 * capacity - len(bits))
    bits += "0" * (-len(bits) % 8)
    written = int(bits, 2).to_bytes(len(bits) // 8)
    padding = (b"\xec\x11" * capacity)[: capacity - len(written)]
    return written + padding


def _split_blocks(codewords: bytes, groups: tuple[tuple[int, int], ...]) -> list[bytes]:
    blocks, position = [], 0
    for size in (size for number, size in groups for _ in range(number)):
        blocks.append(codewords[position : position + size])
        position += size
    return blocks


def _interleave(blocks: list[bytes], correction_size: int) -> bytes:
    """Order the codewords of all blocks, data before error correction (section 7.6)."""
    generator = _make_generator(correction_size)
    corrections = [_correct(block, generator) for block in blocks]
    longest = max(map(len, blocks))
    ordered = [block[i] for i in range(longest) for block in blocks if i < len(block)]
    ordered += [correction[i] for i in range(correction_size) for correction in corrections]
    return bytes(ordered)


def _multiply(left: int, right: int) -> int:
    return _EXPONENTS[_LOGARITHMS[left] + _LOGARITHMS[right]] if left and right else 0


def _make_generator(degree: int) -> list[int]:
    """Make the Reed-Solomon generator polynomial without its leading 1, the highest power first."""
    generator = [0] * (degree - 1) + [1]
    for exponent in range(degree):
        root = _EXPONENTS[exponent]
        shifted = [*generator[1:], 0]
        generator = [
            _multiply(coefficient, root) ^ above for coefficient, above in zip(generator, shifted, strict=True)
        ]
    return generator


def _correct(block: bytes, generator: list[int]) -> list[int]:
    remainder = [0] * len(generator)
    for codeword in block:
        factor = codeword ^ remainder[0]
        shifted = [*remainder[1:], 0]
        remainder = [value ^ _multiply(term, factor) for value, term in zip(shifted, generator, strict=True)]
    return remainder


class _Symbol:
    """The square of modules, with the mask that is easiest to read."""

    def __init__(self, version: int, codewords: bytes) -> None:
        self._version = version
        self._size = 17 + 4 * version
        self._fixed: dict[tuple[int, int], bool] = {}
        """Modules that no data goes into, by row and column."""
        self._add_patterns()
        data = dict(zip(self._data_places(), self._bits(codewords), strict=False))
        drawn = [self._mask(data, number) for number in range(len(_MASKS))]
        self.modules = min(drawn, key=_penalty)

    def _bits(self, codewords: bytes) -> Iterator[bool]:
        for codeword in codewords:
            yield from (bool(codeword >> position & 1) for position in range(7, -1, -1))
        while True:
            yield False

    def _add_patterns(self) -> None:
        """Add finder, timing and alignment patterns, version and the room for the format (section 6.3)."""
        last = self._size - 1
        for row, column in ((3, 3), (3, last - 3), (last - 3, 3)):
            self._add_square(row, column, reach=4, dark_rings=(0, 1, 3))
        for position in range(self._size):
            self._fixed.setdefault((6, position), position % 2 == 0)
            self._fixed.setdefault((position, 6), position % 2 == 0)
        centres = _ALIGNMENTS[self._version - 1]
        for row in centres:
            for column in centres:
                if (row, column) not in {(6, 6), (6, last - 6), (last - 6, 6)}:
                    self._add_square(row, column, reach=2, dark_rings=(0, 2))
        self._add_format(0)
        self._add_version()

    def _add_square(self, row: int, column: int, *, reach: int, dark_rings: tuple[int, ...]) -> None:
        for down in range(-reach, reach + 1):
            for right in range(-reach, reach + 1):
                place = (row + down, column + right)
                if all(0 <= coordinate < self._size for coordinate in place):
                    self._fixed[place] = max(abs(down), abs(right)) in dark_rings

    def _add_format(self, mask: int) -> None:
        """Add error correction level M and the mask, twice (section 7.9)."""
        bits = (mask << 10 | _remainder(mask, 10, 0x537)) ^ 0x5412
        last = self._size - 1
        first = [(i, 8) for i in range(6)] + [(7, 8), (8, 8), (8, 7)] + [(8, 14 - i) for i in range(9, 15)]
        second = [(8, last - i) for i in range(8)] + [(last - 14 + i, 8) for i in range(8, 15)]
        for places in (first, second):
            self._fixed.update((place, bool(bits >> i & 1)) for i, place in enumerate(places))
        self._fixed[last - 7, 8] = True

    def _add_version(self) -> None:
        """Add the version, from 7 on (section 7.10)."""
        if self._version < 7:
            return
        bits = self._version << 12 | _remainder(self._version, 12, 0x1F25)
        for i in range(18):
            far, near = self._size - 11 + i % 3, i // 3
            self._fixed[far, near] = self._fixed[near, far] = bool(bits >> i & 1)

    def _data_places(self) -> Iterator[tuple[int, int]]:
        """Give the places of data bits: columns in pairs from the right, upwards and downwards in turn (7.7.3)."""
        columns = [column for column in range(self._size - 1, 0, -2) if column > 6]
        columns += [5, 3, 1]
        for turn, right in enumerate(columns):
            rows = range(self._size) if turn % 2 else range(self._size - 1, -1, -1)
            for row in rows:
                for place in ((row, right), (row, right - 1)):
                    if place not in self._fixed:
                        yield place

    def _mask(self, data: dict[tuple[int, int], bool], number: int) -> list[list[bool]]:
        self._add_format(number)
        mask = _MASKS[number]
        drawn = self._fixed | {place: bit ^ mask(*place) for place, bit in data.items()}
        return [[drawn[row, column] for column in range(self._size)] for row in range(self._size)]


def _remainder(value: int, degree: int, generator: int) -> int:
    remainder = value
    for _ in range(degree):
        remainder = remainder << 1 ^ (remainder >> (degree - 1)) * generator
    return remainder


def _penalty(modules: list[list[bool]]) -> int:
    """Judge how hard a symbol is to read (section 7.8.3)."""
    columns = [list(column) for column in zip(*modules, strict=True)]
    size = len(modules)
    lines = ["".join("1" if is_dark else "0" for is_dark in line) for line in (*modules, *columns)]
    runs, squares, finders, balance = _PENALTIES
    penalty = sum(_penalize_runs(line, runs) for line in lines)
    penalty += finders * sum(
        line.startswith(pattern, start)
        for line in lines
        for start in range(size - 10)
        for pattern in ("10111010000", "00001011101")
    )
    penalty += squares * sum(
        modules[row][column] == modules[row + 1][column] == modules[row][column + 1] == modules[row + 1][column + 1]
        for row in range(size - 1)
        for column in range(size - 1)
    )
    share = sum(map(sum, modules)) * 100 / size**2
    return penalty + balance * int(abs(share - 50) // 5)


def _penalize_runs(line: str, points: int) -> int:
    penalty, length = 0, 0
    for position, module in enumerate(line):
        length = length + 1 if position and line[position - 1] == module else 1
        if length == 5:
            penalty += points
        elif length > 5:
            penalty += 1
    return penalty
