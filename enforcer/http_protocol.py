"""HTTP from clients that are slow, endless or silent: uvicorn's protocol with the bounds that it lacks.

What a request has besides its body has a size, a request has a time in which it must have arrived, and an answer one in
which it must be read. Over a bound the connection ends; only what is too large gets a last word, 431 (RFC 6585).
Trailers are dropped: merged into the headers they would pass for them (RFC 9110 section 6.5.1).
"""

import asyncio
from collections.abc import Callable

from uvicorn.protocols.http.httptools_impl import HttpToolsProtocol

MAX_HEAD_BYTES = 64 * 1024  # request line, headers and framing
FRAMING = 8  # bytes that chunks may need for each byte of a body
REQUEST_S = 30.0  # from its first byte to its last; for the first one from the connection on
READ_S = 60.0  # for a client that lets an answer wait
_TOO_LARGE = b"HTTP/1.1 431 Request Header Fields Too Large\r\ncontent-length: 0\r\nconnection: close\r\n\r\n"


class BoundedProtocol(HttpToolsProtocol):
    """One connection."""

    _besides = 0  # bytes of this request that are no body, less what its chunks may need
    _in_head = _in_message = False
    _arriving: asyncio.TimerHandle | None = None
    _unread: asyncio.TimerHandle | None = None

    def connection_made(self, transport: asyncio.Transport) -> None:  # type: ignore[override]
        """A connection is for sending a request."""
        super().connection_made(transport)
        self._await_request()

    def connection_lost(self, exc: Exception | None) -> None:
        """No timer outlives its connection."""
        _stop(self._arriving)
        _stop(self._unread)
        super().connection_lost(exc)

    def data_received(self, data: bytes) -> None:
        """Refuses a head without end, which the parser would keep."""
        self._besides += len(data)
        super().data_received(data)
        if self.transport.is_closing():
            return
        if self._besides > MAX_HEAD_BYTES:
            self.transport.write(_TOO_LARGE)
            self.transport.close()
        elif self._is_idle():  # bytes that begin no request have ended uvicorn's own timer
            self._await_request()

    def on_message_begin(self) -> None:
        """The clock of a request that waits behind another starts when it is looked at."""
        self._in_head = self._in_message = True
        super().on_message_begin()
        if self._is_idle():
            _stop(self._arriving)
            self._arriving = None
            self._await_request()

    def on_header(self, name: bytes, value: bytes) -> None:
        """A trailer is no header."""
        if self._in_head:
            super().on_header(name, value)

    def on_headers_complete(self) -> None:
        """A head that came at once is measured here."""
        self._in_head = False
        if len(self.url) + sum(len(name) + len(value) for name, value in self.headers) > MAX_HEAD_BYTES:
            raise ValueError("the head is too large")  # the parser's caller answers 400
        super().on_headers_complete()

    def on_body(self, body: bytes) -> None:
        """A body has its own limit."""
        self._besides -= len(body) * FRAMING
        super().on_body(body)

    def on_message_complete(self) -> None:
        """It has arrived."""
        self._in_message, self._besides = False, 0
        _stop(self._arriving)
        self._arriving = None
        super().on_message_complete()

    def on_response_complete(self) -> None:
        """What is still arriving has its clock again."""
        super().on_response_complete()
        if self._in_message:
            self._await_request()

    def pause_writing(self) -> None:
        """The client does not read its answer."""
        super().pause_writing()
        self._unread = self._unread or self._in(READ_S)

    def resume_writing(self) -> None:
        """It has."""
        super().resume_writing()
        _stop(self._unread)
        self._unread = None

    def _is_idle(self) -> bool:
        return self.cycle is None or self.cycle.response_complete

    def _await_request(self) -> None:
        self._arriving = self._arriving or self._in(REQUEST_S)

    def _in(self, seconds: float) -> asyncio.TimerHandle:
        abort: Callable[[], None] = self.transport.abort
        return self.loop.call_later(seconds, abort)


def _stop(timer: asyncio.TimerHandle | None) -> None:
    if timer is not None:
        timer.cancel()
