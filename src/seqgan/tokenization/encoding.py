"""Bytes of UTF-8 as tokens."""

from collections.abc import Sequence

BYTES = tuple(f"<0x{value:02X}>" for value in range(256))
VALUES = {name: value for value, name in enumerate(BYTES)}


def encode_text(text: str) -> list[str]:
    """Return the names of a text's bytes in UTF-8; half a surrogate pair becomes ``?``."""
    return [BYTES[value] for value in text.encode("utf-8", "replace")]


def decode_bytes(names: Sequence[str]) -> str:
    """Return the text of bytes in UTF-8 by their names; what is no UTF-8 becomes U+FFFD.

    Other names stand as they are.
    """
    parts: list[str] = []
    waiting = bytearray()
    for name in names:
        value = VALUES.get(name)
        if value is None:
            parts += waiting.decode("utf-8", "replace"), name
            waiting.clear()
        else:
            waiting.append(value)
    parts.append(waiting.decode("utf-8", "replace"))
    return "".join(parts)
