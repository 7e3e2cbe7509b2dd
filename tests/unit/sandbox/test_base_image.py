"""What goes into the base image from this machine, and when it is made anew."""

import pytest

from modelarts_nb.sandbox import base_image

CERTIFICATE = b"-----BEGIN CERTIFICATE-----\nMIIB\n-----END CERTIFICATE-----"
KEY = b"-----BEGIN PRIVATE KEY-----\nMIIE\n-----END PRIVATE KEY-----"


@pytest.fixture
def machine(tmp_path, monkeypatch):
    """A machine without pip settings whose tools trust the certificates in a file of its own."""
    monkeypatch.setenv("HOME", str(tmp_path))
    monkeypatch.setattr(base_image, "pip_options", lambda environment, texts: pip_options(environment, []))
    bundle = tmp_path / "ca.pem"
    bundle.write_bytes(b"")
    return {"SSL_CERT_FILE": str(bundle)}, bundle


pip_options = base_image.pip_options


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("PIP_INDEX_URL", "https://user:password@mirror.example/simple"),
        ("PIP_INDEX_URL", "https://token@mirror.example/simple"),
        ("PIP_EXTRA_INDEX_URL", "https://__token__:abc@mirror.example/simple"),
        ("PIP_PROXY", "http://user:password@proxy.example:3128"),
        ("PIP_PROXY", "user:password@proxy.example:3128"),
    ],
)
def test_no_login_of_this_machine_gets_into_the_image(machine, name, value):
    assert base_image.pip_conf({**machine[0], name: value}) == ""


def test_an_address_without_a_login_gets_in_beside_one_with(machine):
    value = "https://a.example/simple https://token@b.example/simple"
    assert base_image.pip_conf({**machine[0], "PIP_EXTRA_INDEX_URL": value}) == (
        "[global]\nextra-index-url = https://a.example/simple\n\n"
    )


def test_a_local_folder_means_nothing_in_the_image(machine):
    value = {"PIP_EXTRA_INDEX_URL": "file:///srv/packages", "PIP_FIND_LINKS": "/srv/wheels"}
    assert base_image.pip_conf({**machine[0], **value}) == ""


def test_own_certificates_get_in_and_pip_is_told_but_no_private_key_beside_them(machine):
    environment, bundle = machine
    bundle.write_bytes(KEY + b"\n" + CERTIFICATE + b"\n")
    files = dict(base_image._files(environment))
    assert files["usr/local/share/ca-certificates/machine-1.crt"] == CERTIFICATE + b"\n"
    assert b"PRIVATE KEY" not in b"".join(files.values())
    assert f"cert = {base_image.BUNDLE}" in files["etc/pip.conf"].decode()


def test_the_fingerprint_follows_what_goes_in_and_nothing_else(machine):
    environment, bundle = machine
    first = base_image.recipe(environment)
    assert base_image.recipe({**environment, "HOSTNAME": "another"}) == first
    assert base_image.recipe(environment, "sha256:1") != first
    assert base_image.recipe({**environment, "PIP_INDEX_URL": "https://a.example/simple"}) != first
    bundle.write_bytes(CERTIFICATE)
    assert base_image.recipe(environment) != first
