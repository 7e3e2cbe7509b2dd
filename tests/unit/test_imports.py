"""An import that an interrupt cannot cut in half."""

import signal
import sys
import threading

import pytest

from modelarts_nb.imports import whole


@pytest.fixture
def slow_package(tmp_path, monkeypatch):
    """A package whose import waits in its middle until ``go`` is set."""
    (tmp_path / "slowpackage").mkdir()
    (tmp_path / "slowpackage" / "__init__.py").write_text("from . import first\nfirst.reached.set()\nfirst.go.wait(20)\n"
                                                          "from . import second\n")
    (tmp_path / "slowpackage" / "first.py").write_text("import threading\nreached, go = threading.Event(), threading.Event()\n")
    (tmp_path / "slowpackage" / "second.py").write_text("")
    monkeypatch.syspath_prepend(str(tmp_path))
    yield "slowpackage"
    for name in [name for name in sys.modules if name.startswith("slowpackage")]:
        del sys.modules[name]


def test_an_interrupt_in_the_middle_of_an_import_comes_when_it_is_whole(slow_package):
    def strike():
        while "slowpackage.first" not in sys.modules or not hasattr(sys.modules["slowpackage.first"], "go"):
            pass
        sys.modules["slowpackage.first"].reached.wait(20)
        signal.raise_signal(signal.SIGINT)
        threading.Timer(0.2, sys.modules["slowpackage.first"].go.set).start()

    before = signal.signal(signal.SIGINT, signal.default_int_handler)
    striker = threading.Thread(target=strike)
    striker.start()
    with pytest.raises(KeyboardInterrupt):
        whole(slow_package)
    striker.join()
    signal.signal(signal.SIGINT, before)
    assert sys.modules["slowpackage"].second


def test_an_import_that_fails_fails_here():
    with pytest.raises(ModuleNotFoundError, match="no_such_module_anywhere"):
        whole("no_such_module_anywhere")
