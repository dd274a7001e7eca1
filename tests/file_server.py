"""A server of files on this machine, with the faults of those of the net."""

import threading
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any


class Server:
    """A server on this machine that answers as it is told.

    Attributes:
        files: What it has.
        faults: Of the next requests: a status, or how many bytes to send before it breaks off.
        asked: Path, range and authorization of every request.
        ranges: Whether it can send a part of a file.
    """

    def __init__(self) -> None:
        self.files: dict[str, bytes] = {}
        self.kinds: dict[str, str] = {}
        self.faults: list[tuple[str, int]] = []
        self.asked: list[tuple[str, str | None, str | None]] = []
        self.ranges = True
        server = self

        class Handler(BaseHTTPRequestHandler):
            def do_GET(self) -> None:
                server.answer(self)

            def log_message(self, format: str, *args: Any) -> None:
                pass

        self.http = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self.url = f"http://127.0.0.1:{self.http.server_port}"
        threading.Thread(target=self.http.serve_forever, args=(0.01,), daemon=True).start()

    def answer(self, request: BaseHTTPRequestHandler) -> None:
        wanted = request.headers.get("Range")
        self.asked.append((request.path, wanted, request.headers.get("Authorization")))
        kind, number = self.faults.pop(0) if self.faults else ("", 0)
        content = self.files.get(request.path.partition("?")[0])
        if kind == "status" or content is None:
            request.send_error(number or 404)
            return
        start = int(wanted.removeprefix("bytes=").rstrip("-")) if wanted and self.ranges else 0
        if start and start >= len(content):
            request.send_error(416)
            return
        request.send_response(206 if start else 200)
        if start:
            request.send_header("Content-Range", f"bytes {start}-{len(content) - 1}/{len(content)}")
        request.send_header("Content-Type", self.kinds.get(request.path, "application/octet"))
        request.send_header("Content-Length", str(len(content) - start))
        request.end_headers()
        end = start + number if kind == "cut" else len(content)
        request.wfile.write(content[start:end])
