"""Finding the Engine, inspecting, pushing, reading back: a real Engine, a real registry."""

import socket
import threading

import pytest

from modelarts_nb.engine import discovery, images
from modelarts_nb.errors import EngineAPIError, EngineUnavailable, RegistryError
from modelarts_nb.events import Vertex, VertexStatus
from modelarts_nb.manifests import PLAIN
from modelarts_nb.reference import parse_reference
from modelarts_nb.registry import client as registry_client
from modelarts_nb.settings import Secret

from ..conftest import drain


def test_the_private_engine_is_found_when_there_is_no_other(engine_base_url, tmp_path):
    found = discovery.connect(environment={"XDG_RUNTIME_DIR": str(tmp_path)}, private_url=engine_base_url)
    assert found.origin in ("private Engine", "default socket")
    assert found.alive()
    found.close()


def test_the_private_engine_says_how_builds_reach_the_network(connected):
    private = "modelarts-nb=private" in connected.client.info()["Labels"]
    assert connected.build_network == ("host" if private else "")


@pytest.mark.parametrize(
    ("environment", "says"),
    [
        ({"DOCKER_HOST": "unix:///nowhere.sock"}, "DOCKER_HOST"),
        ({"DOCKER_HOST": "tcp://127.0.0.1:9"}, "Connection refused"),
        ({"DOCKER_CONTEXT": "of-nobody"}, "of-nobody"),
    ],
)
def test_an_engine_that_the_user_named_and_that_does_not_answer_is_an_error(environment, says):
    with pytest.raises(EngineUnavailable) as caught:
        discovery.connect(environment=environment, private_url="unix:///run/ignored.sock")
    assert says in caught.value.message
    assert caught.value.hint


def test_none_found_lists_the_places_and_what_to_do(tmp_path, monkeypatch):
    places = [discovery.Candidate(f"unix://{tmp_path}/none.sock", "default socket")]
    monkeypatch.setattr(discovery, "candidates", lambda *_: iter(places))
    with pytest.raises(EngineUnavailable) as caught:
        discovery.connect(environment={})
    assert "default socket" in caught.value.message
    assert caught.value.hint


def test_an_image_that_is_not_there(connected):
    with pytest.raises(EngineAPIError) as caught:
        images.inspect(connected, "of-nobody:1")
    assert caught.value.status == 404
    assert "%build" in caught.value.hint
    assert not images.exists(connected, "of-nobody:1")


def test_push_reports_layers_and_the_registry_confirms_the_digest(connected, base_image, registry):
    reference = parse_reference(f"{registry}/tests/pushed:v1")
    images.tag(connected, base_image, reference)
    digest, events = drain(images.push(connected, reference))
    manifest = registry_client.read_manifest(reference)
    assert digest in (manifest.digest, ""), "with containerd's image store the Engine does not say it"
    # an imported image is an OCI one in containerd's image store; a built one never is (test_build_options.py)
    assert manifest.media_type in PLAIN
    assert manifest.size > 1_000_000
    completed = {event.digest for event in events if isinstance(event, Vertex) and event.completed}
    assert len(completed) == len(images.inspect(connected, base_image).layers)
    assert all(event.current <= event.total for event in events if isinstance(event, VertexStatus))


def test_pushing_again_finds_every_layer_there(connected, base_image, registry):
    reference = parse_reference(f"{registry}/tests/pushed:v1")
    images.tag(connected, base_image, reference)
    drain(images.push(connected, reference))
    _, events = drain(images.push(connected, reference))
    assert all(event.cached for event in events if isinstance(event, Vertex) and event.completed)


def test_a_registry_that_is_down(connected, base_image):
    reference = parse_reference("localhost:9/tests/pushed:v1")
    images.tag(connected, base_image, reference)
    with pytest.raises(RegistryError) as caught:
        drain(images.push(connected, reference))
    assert "did not answer" in caught.value.hint
    with pytest.raises(RegistryError) as caught:
        registry_client.read_manifest(reference)
    assert caught.value.temporary


def test_interrupting_a_push_leaves_no_thread(connected, base_image, registry):
    reference = parse_reference(f"{registry}/tests/interrupted:v1")
    images.tag(connected, base_image, reference)
    generator = images.push(connected, reference)
    next(generator)
    generator.close()
    assert not [thread for thread in threading.enumerate() if thread.name == "modelarts_nb-reader"]


def test_a_registry_that_wants_a_login(connected, base_image, guarded_registry):
    host, user, password = guarded_registry
    reference = parse_reference(f"{host}/tests/guarded:v1")
    images.tag(connected, base_image, reference)
    with pytest.raises(RegistryError) as caught:
        drain(images.push(connected, reference))
    assert "docker login" in caught.value.hint
    connected.client._auth_configs.add_auth(host, {"username": user, "password": password})
    try:
        digest, _ = drain(images.push(connected, reference))
    finally:
        connected.client._auth_configs.get("auths", connected.client._auth_configs).pop(host, None)
    with pytest.raises(RegistryError) as caught:
        registry_client.read_manifest(reference)
    assert caught.value.status == 401
    manifest = registry_client.read_manifest(reference, lambda _: (user, Secret(password)))
    assert digest in (manifest.digest, ""), "with containerd's image store the Engine does not say it"
    with pytest.raises(RegistryError) as caught:
        registry_client.read_manifest(reference, lambda _: (user, Secret("wrong-password")))
    assert "wrong-password" not in str(caught.value)


def test_a_registry_that_answers_no_json():
    server = socket.create_server(("127.0.0.1", 0))
    port = server.getsockname()[1]

    def answer():
        connection, _ = server.accept()
        connection.recv(65536)
        connection.sendall(b"HTTP/1.1 200 OK\r\nContent-Length: 3\r\nConnection: close\r\n\r\n<x>")
        connection.close()

    thread = threading.Thread(target=answer)
    thread.start()
    with pytest.raises(RegistryError, match="no JSON"):
        registry_client.read_manifest(parse_reference(f"127.0.0.1:{port}/a/b:1"))
    thread.join()
    server.close()
