"""nginx as a child process: a plain reverse proxy, and one with `auth_request`."""

import shutil
import subprocess
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from dukan.children import end, spawn, wait_until
from dukan.ports import free_port, is_free

START_SECONDS = 10.0

CONFIGURATION = """
daemon off;
worker_processes auto;
pid {folder}/nginx.pid;
error_log {folder}/error.log warn;
events {{ worker_connections 1024; }}
http {{
    access_log off;
    keepalive_requests 1000000;
    client_body_temp_path {folder}/body;
    proxy_temp_path {folder}/proxy;
    fastcgi_temp_path {folder}/fastcgi;
    uwsgi_temp_path {folder}/uwsgi;
    scgi_temp_path {folder}/scgi;
    upstream app {{ server 127.0.0.1:{upstream}; keepalive 64; keepalive_requests 1000000; }}
    upstream check {{ server 127.0.0.1:{check}; keepalive 64; keepalive_requests 1000000; }}
    proxy_http_version 1.1;
    proxy_set_header Connection "";
    proxy_set_header Host $host;
    proxy_set_header X-Forwarded-For $proxy_add_x_forwarded_for;
    server {{
        listen 127.0.0.1:{plain};
        location / {{ proxy_pass http://app; }}
    }}
    server {{
        listen 127.0.0.1:{checking};
        location / {{
            auth_request /_check;
            auth_request_set $user $upstream_http_x_user_id;
            proxy_set_header Connection "";
            proxy_set_header Host $host;
            proxy_set_header X-Forwarded-For $proxy_add_x_forwarded_for;
            proxy_set_header X-User-Id $user;
            proxy_pass http://app;
        }}
        location = /_check {{
            internal;
            proxy_pass_request_body off;
            proxy_set_header Connection "";
            proxy_set_header Content-Length "";
            proxy_pass http://check/check;
        }}
    }}
}}
"""


@dataclass(frozen=True, slots=True)
class Nginx:
    """`plain` and `checking` are the URLs of the two servers."""

    plain: str
    checking: str
    pid: int


def installed() -> str | None:
    return shutil.which("nginx") or shutil.which("nginx", path="/usr/sbin:/usr/local/sbin:/opt/homebrew/bin")


@contextmanager
def serving(program: str, folder: Path, *, upstream: int, check: int) -> Iterator[Nginx]:
    """nginx in front of port `upstream`, with authentication requests to port `check`. Raises OSError."""
    plain, checking = free_port(), free_port()
    configuration = folder / "nginx.conf"
    configuration.write_text(
        CONFIGURATION.format(folder=folder, upstream=upstream, check=check, plain=plain, checking=checking)
    )
    with (folder / "nginx.log").open("wb") as log:
        process = spawn([program, "-e", str(folder / "error.log"), "-c", str(configuration)], log)
    try:
        if not wait_until(lambda: not is_free(checking) or process.poll() is not None, START_SECONDS):
            raise OSError("nginx did not start in time")
        if process.poll() is not None:
            raise OSError(f"nginx did not start: {(folder / 'nginx.log').read_text().strip()}")
        yield Nginx(f"http://127.0.0.1:{plain}", f"http://127.0.0.1:{checking}", process.pid)
    finally:
        end(process, within=5)


def version(program: str) -> str:
    said = subprocess.run([program, "-v"], capture_output=True, text=True, check=False, timeout=10).stderr
    return said.strip().rpartition("/")[2]
