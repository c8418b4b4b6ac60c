"""Take a file in: the body as it is, or the file of a form. It goes to disk, since it may be larger than our memory."""

from __future__ import annotations

import hashlib
from collections.abc import AsyncIterator, Iterator
from email.message import Message
from tempfile import SpooledTemporaryFile
from typing import IO

from litestar.concurrency import sync_to_thread
from litestar.exceptions import InternalServerException
from multipart import MultipartError, MultipartSegment, PushMultipartParser  # type: ignore[import-untyped]

from counterfoil.api.native.door import ReceivedFile
from counterfoil.api.native.errors import Unreadable
from counterfoil.core.basis.refusals import Invalid

BLOCK = 1 << 20
"""Bytes that are kept in memory."""
MAX_PARTS = 20
FORM = "multipart/form-data"


async def receive(blocks: AsyncIterator[bytes], content_type: str) -> ReceivedFile:
    """The file of a body that comes in; of a form it is the part that has a file name. Close its content when done.

    Invalid `file` for a form without a file, or with several; `Unreadable` for what is no form, or breaks off.
    """
    taking = _Form(content_type) if content_type.partition(";")[0].strip().lower() == FORM else _Plain()
    spooled: IO[bytes] = SpooledTemporaryFile(BLOCK)  # noqa: SIM115 (the caller closes it)
    try:
        digest = hashlib.sha256()

        def put(some: list[bytes]) -> None:
            for piece in some:
                digest.update(piece)
                spooled.write(piece)

        waiting: list[bytes] = []
        size = 0
        async for block in blocks:
            waiting += taking.content_of(block)
            size += len(block)
            if size >= BLOCK:
                await sync_to_thread(put, waiting)
                waiting, size = [], 0
        await sync_to_thread(put, waiting)
        name = taking.ended()
        spooled.seek(0)
    except InternalServerException:  # nobody is there any more to read the answer
        spooled.close()
        raise Unreadable("body.broken_off", "the body broke off") from None
    except BaseException:
        spooled.close()
        raise
    return ReceivedFile(spooled, name, digest.digest())


class _Plain:
    """A body that is the file."""

    def content_of(self, block: bytes) -> list[bytes]:
        """What a block has of the file."""
        return [block]

    def ended(self) -> str:
        """The file's name: nobody has told it."""
        return ""


class _Form:
    """A form as browsers send it (RFC 7578)."""

    def __init__(self, content_type: str) -> None:
        head = Message()
        head["content-type"] = content_type
        boundary = head.get_param("boundary")
        if not isinstance(boundary, str) or not boundary.isascii():
            raise Unreadable("form.malformed", "the form has no boundary that can be read")
        try:
            self._parser = PushMultipartParser(boundary, max_segment_count=MAX_PARTS)
        except MultipartError as error:
            raise _malformed(error) from None
        self._names: list[str] = []
        self._in_file = False

    def content_of(self, block: bytes) -> list[bytes]:
        """What a block has of the file."""
        try:
            return list(self._file_of(block)) if block else []
        except MultipartError as error:
            raise _malformed(error) from None

    def _file_of(self, block: bytes) -> Iterator[bytes]:
        for found in self._parser.parse(block):
            if isinstance(found, MultipartSegment):
                self._in_file = found.filename is not None
                if found.filename is not None:
                    self._names.append(found.filename)
            elif found and self._in_file:
                yield bytes(found)

    def ended(self) -> str:
        """The file's name."""
        try:
            self._parser.close()
        except MultipartError as error:
            raise _malformed(error) from None
        if len(self._names) != 1:
            raise Invalid.field("file", "is there twice" if self._names else "is required: the form has no file")
        return self._names[0]


def _malformed(error: Exception) -> Unreadable:
    return Unreadable("form.malformed", f"the form cannot be read: {error}")
