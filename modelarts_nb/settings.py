"""Settings: one frozen value, merged from defaults < file < environment < ``%config`` < arguments, read at the edge."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, fields, replace

from .errors import SettingsError
from .messages import t

PREFIX = "MODELARTS_NB_"
CONTRACTS = ("v1", "v2")
PROGRESS = ("auto", "rich", "plain", "quiet")
DEFAULT_REGION = "cn-north-4"  # where nothing says which
LANGUAGES = ("", "en", "zh-CN")
SWITCH = ("on", "off")


class Secret:
    """A text that must not be seen: it prints as ``***``; ``reveal()`` gives it, at the place that sends it."""

    __slots__ = ("_value",)

    def __init__(self, value: str) -> None:
        self._value = value

    def reveal(self) -> str:
        """The text itself."""
        return self._value

    def __repr__(self) -> str:
        return "***"

    def __eq__(self, other: object) -> bool:
        return isinstance(other, Secret) and other._value == self._value

    def __hash__(self) -> int:
        return hash(self._value)

    def __reduce__(self) -> str:
        raise TypeError("a secret is not pickled")


@dataclass(frozen=True)
class Settings:
    """What a user can set once instead of in every line.

    ``engine``: URL of the Docker Engine ("": found, see engine/discovery.py). ``contract``: generation of the
    platform's container contract. ``push_to``: ``host/organization`` that ``%push`` puts before a name without one.
    ``progress``: how running things are shown. ``catalog``: a file with a person's own regions and base images, merged over
    the catalogue's ("": ``catalog.json`` in ``paths.home()``, where there is one). ``language``: ``en`` or ``zh-CN`` ("": as
    JupyterLab or the system speaks). ``provenance``: ``on`` or ``off``, whether labels say what made an image.

    In the cloud: ``region``, where images train (``sandbox``: the one on this machine; "": the one of ``push_to``'s registry),
    ``project`` (a sub-project's name; "": the region's own) or ``project_id``, ``workspace``, ``organization`` (SWR's, for
    ``%push`` and ``%submit``), ``bucket`` (``obs://BUCKET/PREFIX``, for folders of this machine), ``ca_bundle`` (certificates
    to trust), and the addresses of another cloud on the same stack: ``endpoint_iam``, ``endpoint_swr``,
    ``endpoint_modelarts``, ``endpoint_obs`` (URLs) and ``endpoint_registry`` (a host).
    """

    engine: str = ""
    contract: str = "v1"
    push_to: str = ""
    region: str = ""
    progress: str = "auto"
    catalog: str = ""
    language: str = ""
    provenance: str = "on"
    project: str = ""
    project_id: str = ""
    workspace: str = "0"
    organization: str = ""
    bucket: str = ""
    ca_bundle: str = ""
    endpoint_iam: str = ""
    endpoint_swr: str = ""
    endpoint_modelarts: str = ""
    endpoint_obs: str = ""
    endpoint_registry: str = ""

    def __post_init__(self) -> None:
        for name, allowed in (("contract", CONTRACTS), ("progress", PROGRESS), ("language", LANGUAGES),
                              ("provenance", SWITCH)):
            if getattr(self, name) not in allowed:
                raise SettingsError(
                    t("{name} cannot be “{value}”.", name=name, value=getattr(self, name)),
                    t("Choose one of: {list}.", list=", ".join(filter(None, allowed))),
                )


def merge(*layers: Mapping[str, str]) -> Settings:
    """The settings that ``layers`` make, later ones first in right; an empty value leaves what was there.

    Raises SettingsError for a name that is no setting.
    """
    known = {field.name for field in fields(Settings)}
    settings = Settings()
    for layer in layers:
        for name, value in layer.items():
            if name not in known:
                raise SettingsError(
                    t("“{name}” is not a setting.", name=name), t("There are: {list}.", list=", ".join(sorted(known)))
                )
            if value:
                settings = replace(settings, **{name: value})
    return settings


def from_environment(environment: Mapping[str, str]) -> dict[str, str]:
    """The layer that ``MODELARTS_NB_…`` variables make."""
    names = {PREFIX + field.name.upper(): field.name for field in fields(Settings)}
    return {names[key]: value for key, value in environment.items() if key in names}
