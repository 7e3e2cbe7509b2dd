from modelarts_nb.building.site import ca_bundle_path, pip_options, render_pip_conf, site


def test_proxies_become_build_arguments_in_both_spellings():
    found = site({"HTTP_PROXY": "http://p:3128", "no_proxy": "localhost", "PATH": "/bin"}, [], b"")
    assert found.build_args == {"HTTP_PROXY": "http://p:3128", "no_proxy": "localhost"}


def test_nothing_set_nothing_offered():
    found = site({"PATH": "/bin"}, [], b"")
    assert not found.build_args
    assert not found.secrets


def test_pip_settings_from_files_and_environment_the_environment_wins():
    options = pip_options(
        {"PIP_INDEX_URL": "https://mirror.example/simple"},
        ["[global]\nindex-url = https://other.example/simple\ntrusted-host = a\n", "not a config", "[install]\ntimeout=9\n"],
    )
    assert options == {"index-url": "https://mirror.example/simple", "trusted-host": "a", "timeout": "9"}


def test_local_folders_mean_nothing_on_another_machine():
    options = pip_options({"PIP_EXTRA_INDEX_URL": "file:///opt/a https://b.example/simple", "PIP_FIND_LINKS": "/opt"}, [])
    assert options == {"extra-index-url": "https://b.example/simple"}


def test_the_ca_bundle_is_a_secret_and_pip_is_told_where_it_is():
    found = site({"PIP_CERT": "/x.pem"}, [], b"-----BEGIN CERTIFICATE-----")
    assert found.secrets["ca"] == b"-----BEGIN CERTIFICATE-----"
    assert b"cert = /run/secrets/ca" in found.secrets["pip.conf"]
    assert ca_bundle_path({"SSL_CERT_FILE": "/s", "PIP_CERT": "/p"}) == "/p"


def test_a_bundle_too_large_for_buildkit_is_not_offered():
    assert "ca" not in site({}, [], b"x" * 600_000).secrets


def test_several_indexes_stay_several():
    assert "a\n\tb" in render_pip_conf({"extra-index-url": "a b"}).replace("    ", "\t")


def test_what_is_offered_is_not_in_its_repr():
    found = site({"HTTPS_PROXY": "http://user:hunter2@proxy:1"}, [], b"")
    assert "hunter2" not in repr(found)
