"""%login is quick because it loads little."""

import json
import subprocess
import sys

import pytest

CODE = """
import json, sys
before = set(sys.modules)
from modelarts_nb import api
api.login("sandbox")
print(json.dumps(sorted({name.partition(".")[0] for name in set(sys.modules) - before})))
"""
OF_REQUESTS = {"requests", "urllib3", "certifi", "idna", "charset_normalizer", "chardet", "socks", "brotli", "zstandard",
               "cython_runtime"}  # what its compiled parts bring


@pytest.mark.usefixtures("sandbox", "home")
def test_a_login_imports_nothing_heavier_than_requests():
    told = subprocess.run([sys.executable, "-c", CODE], capture_output=True, text=True, check=True, timeout=60).stdout
    loaded = {name for name in json.loads(told.splitlines()[-1]) if name not in sys.stdlib_module_names}
    others = {name for name in loaded - OF_REQUESTS if not (name.startswith(("_", "modelarts_nb")) or name.endswith("__mypyc"))}
    assert "requests" in loaded
    assert not others, f"%login loads {others}"
