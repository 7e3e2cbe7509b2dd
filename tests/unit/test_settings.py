import pickle

import pytest

from modelarts_nb.errors import SettingsError
from modelarts_nb.settings import Secret, Settings, from_environment, merge


def test_later_layers_win_and_empty_values_do_not():
    settings = merge({"contract": "v2", "push_to": "a/b"}, {"push_to": "c/d"}, {"contract": ""})
    assert settings == Settings(contract="v2", push_to="c/d")


def test_the_environment_is_a_layer():
    assert from_environment({"MODELARTS_NB_CONTRACT": "v2", "HOME": "/root"}) == {"contract": "v2"}


@pytest.mark.parametrize("layer", [{"contract": "v3"}, {"progress": "loud"}, {"nothing": "x"}])
def test_what_cannot_be_is_refused_with_the_choices(layer):
    with pytest.raises(SettingsError) as caught:
        merge(layer)
    assert caught.value.hint


def test_a_secret_shows_itself_to_nobody():
    secret = Secret("hunter2")
    assert "hunter2" not in f"{secret!r} {secret} {[secret]}"
    assert secret.reveal() == "hunter2"
    with pytest.raises(TypeError):
        pickle.dumps(secret)
