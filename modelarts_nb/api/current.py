"""What holds here and now: settings, the Engine, the logins that Docker keeps."""

from __future__ import annotations

import os
from pathlib import Path
from typing import TYPE_CHECKING, Any

from .. import paths
from ..catalog import Catalog, builtin, load
from ..errors import SettingsError
from ..imports import whole
from ..messages import t
from ..session import session
from ..settings import Secret, Settings, from_environment, merge

if TYPE_CHECKING:
    from ..engine.discovery import Engine


def current_settings(**arguments: str) -> Settings:
    """Settings as they stand: defaults < file < environment < ``%config`` < arguments."""
    return merge(paths.settings_file(), from_environment(os.environ), session.config, arguments)


def catalog() -> Catalog:
    """Regions, base images and limits, with a person's own file merged over ours. Raises SettingsError.

    The file is the setting ``catalog``, else ``catalog.json`` in ``paths.home()`` where there is one.
    """
    chosen = current_settings().catalog
    path = Path(chosen).expanduser() if chosen else paths.home() / "catalog.json"
    if not path.exists():
        if chosen:
            raise SettingsError(t("There is no catalogue {path}.", path=path), t("The setting “catalog” names it."))
        return builtin()
    return load(paths.json_file(path), str(path))


def connect(url: str = "") -> Engine:
    """The Docker Engine that is used here. Raises EngineUnavailable.

    Asking an Engine who it is takes as long as a build that has nothing to do, so that the answer is kept as long as
    the Engine answers and nothing says that another one is meant.
    """
    whole("docker", "modelarts_nb.engine.discovery", "modelarts_nb.engine.private")
    from ..engine import discovery, private

    url = url or current_settings().engine
    asked = (url, os.environ.get("DOCKER_HOST", ""), os.environ.get("DOCKER_CONTEXT", ""), private.url())
    kept = _engines.get(asked)
    if kept is not None:
        if kept.alive():
            return kept
        kept.close()
    _engines.clear()
    _engines[asked] = discovery.connect(url, private_url=asked[-1])
    return _engines[asked]


def connected() -> Engine | None:
    """The Engine that is connected already; nobody is asked."""
    return next(iter(_engines.values()), None)


_engines: dict[tuple[str, ...], Engine] = {}


def credentials(engine: Any) -> Any:
    """Docker's stored logins, credential helpers included, as the registry client wants them."""
    return _logins(engine.client._auth_configs)


def stored_logins() -> Any:
    """The same, where no Engine is asked."""
    from docker import auth

    return _logins(auth.load_config())


def _logins(configs: Any) -> Any:
    def login(host: str) -> tuple[str, Secret] | None:
        from docker import auth
        from docker.errors import DockerException

        try:
            found = auth.resolve_authconfig(configs, host or None)
        except DockerException:
            return None  # a broken credential helper: the registry will say that it wants a login
        if not found or not (found.get("username") or found.get("Username")):
            return None
        return (
            found.get("username") or found.get("Username") or "",
            Secret(found.get("password") or found.get("Password") or ""),
        )

    return login
