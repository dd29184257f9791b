"""The text of a log: a plain, .xz or .gz file, or standard input, in pieces of whole lines."""

from __future__ import annotations

import gzip
import io
import lzma
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Final, Protocol, cast
from zlib import error as ZlibError  # noqa: N812 - it is a class

from racecheck.errors import UsageError

PIECE: Final = 1 << 20
TORN: Final = (EOFError, lzma.LZMAError, gzip.BadGzipFile, ZlibError)
"""What decompression raises where the data end too soon or are damaged."""


class Bytes(Protocol):
    """A stream that gives what one read of it gives, so that nothing before damaged data is lost."""

    def read1(self, size: int, /) -> bytes:
        """Up to ``size`` bytes; none at the end."""


@contextmanager
def opened(name: str) -> Iterator[Bytes]:
    """The bytes of a log, whatever compresses it; ``-`` is standard input. UsageError if there is none."""
    if name == "-":
        yield _plain(sys.stdin.buffer)
        return
    path = Path(name)
    if path.is_dir():
        raise UsageError("this is a folder; name a log in it, or - for standard input", name)
    try:
        raw = path.open("rb")
    except OSError as error:
        raise UsageError(f"cannot be read: {error.strerror}", name) from error
    with raw:
        yield _plain(raw)


def _plain(raw: object) -> Bytes:
    """The stream without its compression, which its first bytes tell."""
    buffered = raw if isinstance(raw, io.BufferedReader) else io.BufferedReader(cast(io.RawIOBase, raw))
    start = buffered.peek(8)
    if start.startswith(b"\xfd7zXZ\x00"):
        return lzma.open(buffered)
    return gzip.open(buffered) if start.startswith(b"\x1f\x8b") else buffered


def pieces(stream: Bytes) -> Iterator[str]:
    """The text in pieces of whole lines; only where a line is endless or the last one is its end missing.

    Raises what decompression raises (``TORN``), after all that came before.
    """
    rest, torn = b"", None
    while True:
        try:
            piece = stream.read1(PIECE)
        except TORN as error:
            piece, torn = b"", error
        if not piece:
            break
        head, newline, tail = piece.rpartition(b"\n")
        if newline:
            yield _text(rest + head + newline)
            rest = tail
        else:
            rest += piece
        if len(rest) > PIECE:
            yield _text(rest)
            rest = b""
    if rest:
        yield _text(rest)
    if torn:
        raise torn


def _text(raw: bytes) -> str:
    text = raw.decode("utf-8", "backslashreplace")
    return text.replace("\r\n", "\n") if "\r" in text else text
