"""The texts of %build's options, as docker build writes them."""

from pathlib import Path

import pytest

from modelarts_nb.building.options import host_option, output_option, secret_option, ssh_option
from modelarts_nb.building.request import EnvVariable, Output
from modelarts_nb.errors import SettingsError


@pytest.mark.parametrize(("text", "name", "source"), [
    ("id=token,src=/run/t", "token", Path("/run/t")), ("id=token,source=t", "token", Path("t")),
    ("id=token,env=TOKEN", "token", EnvVariable("TOKEN")), ("id=TOKEN", "TOKEN", EnvVariable("TOKEN")),
    ("type=env,id=a,src=B", "a", EnvVariable("B")), ("type=file,id=a", "a", Path("a")),
])
def test_secrets(text, name, source):
    assert secret_option(text) == (name, source)


@pytest.mark.parametrize(("text", "expected"), [
    ("default", ("default", EnvVariable("SSH_AUTH_SOCK"))), ("git=/run/agent", ("git", Path("/run/agent"))),
])
def test_agents(text, expected):
    assert ssh_option(text) == expected


@pytest.mark.parametrize(("text", "expected"), [
    ("out", Output(Path("out"))), ("type=local,dest=out", Output(Path("out"))),
    ("type=tar,dest=o.tar", Output(Path("o.tar"), tar=True)),
])
def test_outputs(text, expected):
    assert output_option(text) == expected


@pytest.mark.parametrize(("text", "expected"), [
    ("mirror:10.0.0.7", ("mirror", "10.0.0.7")), ("m=10.0.0.7", ("m", "10.0.0.7")), ("m:::1", ("m", "::1")),
    ("m=[::1]", ("m", "::1")),
])
def test_hosts(text, expected):
    assert host_option(text) == expected


@pytest.mark.parametrize(("read", "text"), [
    (secret_option, "token"), (secret_option, "src=x"), (secret_option, "id=a,src=b,env=c"), (secret_option, "id=a,file=b"),
    (ssh_option, "=x"), (output_option, "type=image,name=x"), (output_option, "type=tar"), (host_option, "mirror"),
])
def test_what_is_not_understood_is_refused_with_an_example(read, text):
    with pytest.raises(SettingsError) as caught:
        read(text)
    assert text in caught.value.message
