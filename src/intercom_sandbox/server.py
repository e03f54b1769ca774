"""The listening server: an event loop, a port on loopback, the application behind it."""

from __future__ import annotations

import asyncio
import socket
import threading
from collections.abc import Callable
from typing import Any

from intercom_sandbox.application import Application
from intercom_sandbox.settings import Settings
from intercom_sandbox.wire import Connection

HOST = "127.0.0.1"  # loopback only: the sandbox knows no secrets and checks none


class Door:
    """The listening port, which can be closed for a while: connections are then refused."""

    def __init__(self, connection: Callable[[], Connection], server: asyncio.Server) -> None:
        self._connection = connection
        self._server: asyncio.Server | None = server
        self._held: socket.socket | None = None
        self._timer: asyncio.TimerHandle | None = None
        self.port: int = server.sockets[0].getsockname()[1]

    def close_for(self, seconds: float | None) -> None:
        """Close it for that long, 0: until it is opened again; None: open it."""
        if self._timer is not None:
            self._timer.cancel()
        if seconds is None:
            self._open()
            return
        if self._server is not None:
            self._server.close()
            self._server = None
            # Bound and not listening: nobody else gets the port, and nobody gets in.
            self._held = socket.socket()
            self._held.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
            self._held.bind((HOST, self.port))
        if seconds > 0:
            self._timer = asyncio.get_running_loop().call_later(seconds, self._open)

    def _open(self) -> None:
        if self._held is not None:
            held, self._held = self._held, None
            self._task = asyncio.ensure_future(self._listen(held))

    async def _listen(self, held: socket.socket) -> None:
        self._server = await asyncio.get_running_loop().create_server(self._connection, sock=held, backlog=1024)

    def shut(self) -> None:
        """Close it for good."""
        if self._timer is not None:
            self._timer.cancel()
        if self._server is not None:
            self._server.close()
        if self._held is not None:
            self._held.close()


async def serve(settings: Settings, port: int, ready: Callable[[int], None], stop: asyncio.Event) -> None:
    """Serve until `stop` is set; calls `ready` with the port once it listens."""
    loop = asyncio.get_running_loop()
    application = Application(settings)

    def connection() -> Connection:
        return Connection(application, loop)

    server = await loop.create_server(connection, HOST, port, backlog=1024)
    control = await loop.create_server(connection, HOST, 0)
    door = Door(connection, server)
    application.door, application.control_port = door.close_for, control.sockets[0].getsockname()[1]
    application.order(application.faults)
    try:
        ready(door.port)
        await stop.wait()
    finally:
        door.shut()
        control.close()
        for transport in list(application.transports):
            transport.abort()
        await asyncio.sleep(0)  # lets the transports close, else they warn when collected


class ServerThread:
    """A server in a thread of this process. `start` returns its port."""

    def __init__(self, settings: Settings, port: int = 0) -> None:
        self._settings = settings
        self._port = port
        self._ready = threading.Event()
        self._failure: BaseException | None = None
        self._loop: asyncio.AbstractEventLoop | None = None
        self._stop: asyncio.Event | None = None
        self._thread = threading.Thread(target=self._run, name="intercom-sandbox", daemon=True)

    def start(self) -> int:
        """Start it; raises what the server raised when it cannot."""
        self._thread.start()
        self._ready.wait()
        if self._failure is not None:
            raise self._failure
        return self._port

    def stop(self) -> None:
        """Stop it and wait."""
        if self._loop is not None and self._stop is not None and self._thread.is_alive():
            self._loop.call_soon_threadsafe(self._stop.set)
        self._thread.join(10)

    def _run(self) -> None:
        try:
            asyncio.run(self._serve())
        except BaseException as failure:
            self._failure = failure
        finally:
            self._ready.set()

    async def _serve(self) -> None:
        self._loop = asyncio.get_running_loop()
        self._stop = asyncio.Event()

        def listening(port: int) -> None:
            self._port = port
            self._ready.set()

        await serve(self._settings, self._port, listening, self._stop)


def settings_from(values: dict[str, Any]) -> Settings:
    """Settings for a new sandbox. Raises ValueError for what is unknown or wrong."""
    settings = Settings()
    settings.update(values, starting=True)
    return settings
