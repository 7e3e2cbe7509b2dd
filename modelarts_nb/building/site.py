"""What this machine's network needs inside a build: proxy, package mirror, certificates. Nothing of it enters a layer.

Proxies become Docker's predefined build arguments, which are in no layer, no history and no cache key
(Dockerfile reference, "Predefined ARGs"). The rest is offered as build secrets, which a Dockerfile takes where it wants:

    RUN --mount=type=secret,id=pip.conf,target=/etc/pip.conf --mount=type=secret,id=ca pip install …

On a machine without such settings the same line mounts nothing and works as well.
"""

from __future__ import annotations

import configparser
import io
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

PROXY_NAMES = ("HTTP_PROXY", "HTTPS_PROXY", "FTP_PROXY", "NO_PROXY", "ALL_PROXY")
CA_NAMES = ("PIP_CERT", "REQUESTS_CA_BUNDLE", "CURL_CA_BUNDLE", "SSL_CERT_FILE")  # the most specific first
CA_PATH = "/run/secrets/ca"  # where BuildKit mounts the secret of that id
SECRET_LIMIT = 500 * 1024  # bytes; BuildKit refuses larger ones (session/secrets, MaxSecretSize)
_PIP_OPTIONS = ("index-url", "extra-index-url", "trusted-host", "timeout", "proxy", "retries")


@dataclass(frozen=True)
class Site:
    """Build arguments and secrets (id to content) that this machine offers to every build."""

    build_args: Mapping[str, str] = field(default_factory=dict, repr=False)
    secrets: Mapping[str, bytes] = field(default_factory=dict, repr=False)


def ca_bundle_path(environment: Mapping[str, str]) -> str:
    """The file of certificates that this machine's tools are told to trust; "" where none is named."""
    return next((environment[name] for name in CA_NAMES if environment.get(name)), "")


def site(environment: Mapping[str, str], pip_configs: Sequence[str], ca_bundle: bytes) -> Site:
    """What to offer, from the usual environment variables, pip's configuration files (text, the weakest first) and the
    content of the CA bundle (empty: none)."""
    build_args = {}
    for name in PROXY_NAMES:
        for spelling in (name, name.lower()):
            if environment.get(spelling):
                build_args[spelling] = environment[spelling]
    secrets = {}
    if ca_bundle and len(ca_bundle) <= SECRET_LIMIT:
        secrets["ca"] = ca_bundle
    pip_conf = render_pip_conf(pip_options(environment, pip_configs), CA_PATH if "ca" in secrets else "")
    if pip_conf:
        secrets["pip.conf"] = pip_conf.encode()
    return Site(build_args, secrets)


def pip_options(environment: Mapping[str, str], pip_configs: Sequence[str]) -> dict[str, str]:
    """Pip's settings that mean something on another machine: indexes, trust, patience; never local folders.

    Environment variables win over files, as in pip. A file that cannot be read as one is left out, as it may be anybody's.
    """
    options: dict[str, str] = {}
    for text in pip_configs:
        parser = configparser.RawConfigParser(strict=False)
        try:
            parser.read_string(text)
        except configparser.Error:
            continue
        for section in ("global", "install"):
            if parser.has_section(section):
                options.update({name: value for name, value in parser.items(section) if value})
    for name, value in environment.items():
        if name.startswith("PIP_") and value:
            options[name[4:].lower().replace("_", "-").replace("default-timeout", "timeout")] = value
    kept = {}
    for name in _PIP_OPTIONS:
        words = [word for word in options.get(name, "").split() if not word.startswith("file:")]
        if words:
            kept[name] = " ".join(words)
    return kept


def render_pip_conf(options: Mapping[str, str], cert: str = "") -> str:
    """The text of a pip.conf with these options; "" where there is nothing to say."""
    entries = dict(options)
    if cert:
        entries["cert"] = cert
    if not entries:
        return ""
    parser = configparser.RawConfigParser()
    parser["global"] = {name: value.replace(" ", "\n") for name, value in entries.items()}
    out = io.StringIO()
    parser.write(out)
    return out.getvalue()
