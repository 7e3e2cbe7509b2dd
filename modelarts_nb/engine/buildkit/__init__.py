"""BuildKit builds in a Docker Engine, in process: no docker program, no grpcio, nothing written to disk.

    request = SessionBuild(context=Path("digits"), dockerfile=b"FROM base\\nCOPY . /app\\n", tags=("digits:v1",))
    events = build(client, request)       # client: docker.APIClient, over any of its transports

``build`` is a generator of ``modelarts_nb.events`` values, with None at least every 100 ms while nothing happens, and
returns a ``BuildResult``. Closing it, or throwing into it, cancels: the running container is gone at once, and no thread
or connection of the build is left. It raises

- SettingsError: the context, the Dockerfile or a secret cannot be read; nothing was started;
- BuildFailed: the build failed, with the Engine's text (the vertex with the error was yielded before);
- EngineUnavailable: no Engine answers, or it went away;
- EngineAPIError: the Engine refused to build at all.

How it is put together, from the bytes up; everything above ``loop`` takes bytes and gives bytes, without any I/O:

    protobuf      http2      http1         the wire
        │           └── grpc ──┤           calls and messages, both sides
    patterns  tree ── filesync │           the build context
    services ─────── session ──┤           what the Engine may ask for
    progress                 wires
    duplex ── loop ──────────── build      connections, the one thread, the build

Protocol facts: moby/buildkit (session/, api/), tonistiigi/fsutil and docker/cli; run against Docker Engine 20.10.
"""

from .builder import Builder
from .building import build
from .request import BuildResult, Credentials, FromEnv, LocalFolder, SecretSource, SessionBuild, TarFile

__all__ = [
    "BuildResult", "Builder", "Credentials", "FromEnv", "LocalFolder", "SecretSource", "SessionBuild", "TarFile", "build",
]
