"""Standard output on a thread of its own: a client that doesn't read must hold up nothing but its own answers."""

import asyncio
import queue
import threading
from contextlib import suppress
from typing import BinaryIO

READ_WITHIN_S = 30.0


class Output:
    """Lines, whole and in their order."""

    def __init__(self, out: BinaryIO) -> None:
        self._out = out
        self._lines: queue.SimpleQueue[tuple[bytes, asyncio.Future[None]]] = queue.SimpleQueue()
        self._stalled = False
        threading.Thread(target=self._run, name="standard output", daemon=True).start()

    async def write(self, raw: bytes) -> None:
        """Returns once it is written, or the client has not read for so long: its receipt is kept either way.

        What comes while it still doesn't read is dropped, so that nothing piles up here.
        """
        if self._stalled:
            return
        written: asyncio.Future[None] = asyncio.get_running_loop().create_future()
        self._lines.put((raw, written))
        try:
            async with asyncio.timeout(READ_WITHIN_S):
                await written
        except TimeoutError:
            self._stalled = True

    def _run(self) -> None:
        while True:
            raw, written = self._lines.get()
            with suppress(OSError, ValueError):  # the client has gone; the end of its input follows
                self._out.write(raw + b"\n")
                self._out.flush()
            self._stalled = False
            with suppress(RuntimeError):  # the loop has ended
                written.get_loop().call_soon_threadsafe(_done, written)


def _done(written: "asyncio.Future[None]") -> None:
    if not written.done():
        written.set_result(None)
