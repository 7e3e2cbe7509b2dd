"""The official SDK in a process of its own: it pins one exact pymongo, which the product's environment does not want.

Run as a program by that environment's Python it answers JSON lines: ``sign`` (the SDK's signer), ``parse`` (its models).
"""

import fcntl
import json
import subprocess
import sys
import venv
from pathlib import Path

PACKAGES = ["huaweicloudsdkcore", "huaweicloudsdkiam", "huaweicloudsdkmodelarts", "huaweicloudsdkswr"]
HOME = Path(__file__).parents[1] / "build" / "oracle"


def python() -> Path:
    """The Python of the SDK's environment, which is made at the first call."""
    HOME.mkdir(parents=True, exist_ok=True)
    with (HOME / "lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)  # `make test` has two processes
        if not (HOME / "complete").exists():
            venv.create(HOME, with_pip=True)
            command = [HOME / "bin" / "python", "-m", "pip", "install", "--quiet", "--disable-pip-version-check", *PACKAGES]
            subprocess.run(command, check=True)
            (HOME / "complete").touch()
    return HOME / "bin" / "python"


class Oracle:
    """The process; ``ask`` sends one question."""

    def __init__(self):
        self._program = subprocess.Popen(
            [python(), "-W", "ignore", __file__], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True, encoding="utf-8"
        )

    def ask(self, **question):
        self._program.stdin.write(json.dumps(question) + "\n")
        self._program.stdin.flush()
        answer = json.loads(self._program.stdout.readline())
        assert "error" not in answer, answer["error"]
        return answer["value"]

    def close(self):
        self._program.stdin.close()
        self._program.stdout.close()
        self._program.wait(20)


def sign(question):
    from huaweicloudsdkcore.auth.credentials import BasicCredentials
    from huaweicloudsdkcore.sdk_request import SdkRequest
    from huaweicloudsdkcore.signer.signer import Signer

    body = question["body"].encode()
    request = SdkRequest(
        method=question["method"], schema="https", host=question["host"], resource_path=question["path"],
        query_params=[tuple(pair) for pair in question["query"]], header_params=dict(question["headers"]), body=body,
    )
    request = Signer(BasicCredentials(question["access"], question["secret"])).sign(request)
    return {"authorization": request.header_params["Authorization"], "uri": request.uri}


def parse(question):
    """The body as the SDK's model reads it and would send it again."""
    import importlib

    from huaweicloudsdkcore.client import Client
    from huaweicloudsdkcore.utils import http_utils

    model = getattr(importlib.import_module(question["module"]), question["model"])
    client = Client.__new__(Client)
    client.model_package = importlib.import_module(question["module"])
    return http_utils.sanitize_for_serialization(_read(model, question["body"], client.model_package))


def _read(model, body, package):
    values = {}
    for name, kind in model.openapi_types.items():
        key = model.attribute_map[name]
        if key in body:
            values[name] = _value(kind, body[key], package)
    unknown = set(body) - set(model.attribute_map.values())
    assert not unknown, f"{model.__name__} has no {unknown}"
    return model(**values)


def _value(kind, value, package):
    if value is None:
        return None
    if kind.startswith("list["):
        assert isinstance(value, list), f"{value!r} is no {kind}"
        return [_value(kind[5:-1], each, package) for each in value]
    if kind.startswith("dict("):
        assert all(isinstance(key, str) for key in value)
        return value
    plain = {"str": str, "int": int, "bool": bool, "float": (int, float), "object": object}.get(kind)
    if plain is not None:
        assert isinstance(value, plain), f"{value!r} is no {kind}"
        return value
    return _read(getattr(package, kind), value, package)


def main():
    for line in sys.stdin:
        question = json.loads(line)
        try:
            answer = {"value": {"sign": sign, "parse": parse}[question["ask"]](question)}
        except Exception as error:
            answer = {"error": f"{type(error).__name__}: {error}"}
        print(json.dumps(answer), flush=True)


if __name__ == "__main__":
    main()
