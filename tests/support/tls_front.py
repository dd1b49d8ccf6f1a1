"""TLS in front of a server that has none: the Valkey and PostgreSQL of the test wheels are built without it.

`python -m tests.support.tls_front --listen H:P --to H:P --cert F --key F [--postgres]`; PostgreSQL's clients ask for
TLS in its own protocol first (SSLRequest), and one that doesn't ask gets nothing.
"""

import argparse
import asyncio
import ssl
import sys
from asyncio import StreamReader, StreamWriter

from tests.support.compose_net import end_with_parent

SSL_REQUEST = bytes.fromhex("0000000804d2162f")


async def serve(options: argparse.Namespace) -> None:
    """Until cancelled."""
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.minimum_version = ssl.TLSVersion.TLSv1_3
    context.load_cert_chain(options.cert, options.key)
    host, port = address(options.to)

    async def client(reader: StreamReader, writer: StreamWriter) -> None:
        try:
            if options.postgres:
                if await reader.readexactly(len(SSL_REQUEST)) != SSL_REQUEST:
                    return
                writer.write(b"S")
                await writer.start_tls(context)
            await bridge(reader, writer, *await asyncio.open_connection(host, port))
        except (OSError, asyncio.IncompleteReadError):
            pass
        finally:
            writer.close()

    own = address(options.listen)
    server = await asyncio.start_server(client, *own, ssl=None if options.postgres else context)
    sys.stdout.write("serving\n")
    sys.stdout.flush()
    await server.serve_forever()


async def bridge(reader: StreamReader, writer: StreamWriter, inner: StreamReader, out: StreamWriter) -> None:
    """Both ways until one side ends."""
    ways = {asyncio.ensure_future(copy(reader, out)), asyncio.ensure_future(copy(inner, writer))}
    try:
        await asyncio.wait(ways, return_when=asyncio.FIRST_COMPLETED)
    finally:
        for way in ways:
            way.cancel()
        await asyncio.gather(*ways, return_exceptions=True)
        out.close()


async def copy(reader: StreamReader, writer: StreamWriter) -> None:
    """One way."""
    while data := await reader.read(64 * 1024):
        writer.write(data)
        await writer.drain()


def address(text: str) -> tuple[str, int]:
    """`H:P`."""
    host, _, port = text.rpartition(":")
    return host, int(port)


def main() -> None:
    """Read the command line, serve."""
    end_with_parent()
    parser = argparse.ArgumentParser()
    for name in ("--listen", "--to", "--cert", "--key"):
        parser.add_argument(name, required=True)
    parser.add_argument("--postgres", action="store_true")
    asyncio.run(serve(parser.parse_args()))


if __name__ == "__main__":
    main()
