"""Protocol Buffers' wire encoding, as far as BuildKit's messages use it: varints and length-delimited fields.

Source: the encoding page of protobuf.dev. Fields of value 0 or empty are left out, as proto3 does.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping

VARINT, FIXED64, BYTES, FIXED32 = 0, 1, 2, 5
# a varint's last 14 bits, and 14 bits of one that goes on: two bytes at a time, since a large context has many of them
SMALL = [bytes((n,)) if n < 128 else bytes((n & 127 | 128, n >> 7)) for n in range(16384)]
_MORE = [bytes((n & 127 | 128, n >> 7 | 128)) for n in range(16384)]


class WireError(ValueError):
    """The bytes are no well-formed message."""


def varint(value: int) -> bytes:
    """``value`` as a varint; negative ones as 64-bit two's complement, as int32 and int64 fields want it."""
    if 0 <= value < 16384:
        return SMALL[value]
    if value < 0:
        value += 1 << 64
    out = b""
    while value >= 16384:
        out += _MORE[value & 16383]
        value >>= 14
    return out + SMALL[value]


def number(field: int, value: int) -> bytes:
    """A varint field; nothing where ``value`` is 0."""
    return SMALL[field << 3] + varint(value) if value else b""


def data(field: int, value: bytes | str) -> bytes:
    """A string, bytes or message field; nothing where ``value`` is empty."""
    return present(field, value) if value else b""


def present(field: int, value: bytes | str) -> bytes:
    """Like ``data``, but written also when empty: elements of repeated fields, and messages that are there but empty."""
    raw = value.encode() if isinstance(value, str) else value
    return SMALL[field << 3 | BYTES] + varint(len(raw)) + raw


def mapping(field: int, values: Mapping[str, str]) -> bytes:
    """A ``map<string, string>`` field."""
    return b"".join(present(field, data(1, key) + data(2, value)) for key, value in values.items())


def strings(field: int, values: Iterable[str]) -> bytes:
    """A ``repeated string`` field."""
    return b"".join(present(field, value) for value in values)


def fields(message: bytes) -> Iterator[tuple[int, int | bytes]]:
    """(field number, value) of each field in order; fixed-width values come as their bytes. Raises WireError."""
    position, end = 0, len(message)
    while position < end:
        tag, position = read_varint(message, position)
        field, kind = tag >> 3, tag & 7
        if not field:
            raise WireError("field number 0")
        if kind == VARINT:
            value, position = read_varint(message, position)
            yield field, value
            continue
        if kind == BYTES:
            size, position = read_varint(message, position)
        elif kind in (FIXED64, FIXED32):
            size = 8 if kind == FIXED64 else 4
        else:
            raise WireError(f"wire type {kind}")
        if size > end - position:
            raise WireError("a field reaches beyond its message")
        yield field, message[position : position + size]
        position += size


def read_varint(message: bytes, position: int) -> tuple[int, int]:
    """The varint at ``position`` and where the next field begins. Raises WireError."""
    value = shift = 0
    while shift < 70:
        if position >= len(message):
            raise WireError("a varint ends in the middle")
        byte = message[position]
        position += 1
        value |= (byte & 127) << shift
        if byte < 128:
            return value & 0xFFFFFFFFFFFFFFFF, position
        shift += 7
    raise WireError("a varint of more than ten bytes")


class Message:
    """A decoded message: fields by number, with proto3's defaults for those that are missing.

    A field of an unexpected wire type reads as missing, so that a hostile message can be wrong but never crashes us.
    """

    def __init__(self, raw: bytes) -> None:
        self._fields: dict[int, list[int | bytes]] = {}
        for field, value in fields(raw):
            self._fields.setdefault(field, []).append(value)

    def __contains__(self, field: int) -> bool:
        return field in self._fields

    def number(self, field: int) -> int:
        """The last value of a varint field as a signed 64-bit number, or 0."""
        value = next((v for v in reversed(self._fields.get(field, ())) if isinstance(v, int)), 0)
        return value - (1 << 64) if value >> 63 else value

    def all(self, field: int) -> list[bytes]:
        """Every value of a repeated string, bytes or message field."""
        return [v for v in self._fields.get(field, ()) if isinstance(v, bytes)]

    def bytes(self, field: int) -> bytes:
        """The last value of a bytes field, or b""."""
        values = self.all(field)
        return values[-1] if values else b""

    def text(self, field: int) -> str:
        """The last value of a string field; bytes that are no UTF-8 show as U+FFFD."""
        return self.bytes(field).decode("utf-8", "replace")

    def texts(self, field: int) -> list[str]:
        """Every value of a repeated string field."""
        return [value.decode("utf-8", "replace") for value in self.all(field)]

    def message(self, field: int) -> Message | None:
        """The last value of a message field, or None."""
        return Message(self.bytes(field)) if field in self._fields else None

    def messages(self, field: int) -> list[Message]:
        """Every value of a repeated message field."""
        return [Message(value) for value in self.all(field)]

    def texts_by_key(self, field: int) -> dict[str, str]:
        """A ``map<string, string>`` field."""
        return {entry.text(1): entry.text(2) for entry in self.messages(field)}
