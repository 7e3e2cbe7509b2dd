"""What the notebook's unit tests share."""

import pytest
from IPython.core.interactiveshell import InteractiveShell

from modelarts_nb.session import Session, session


@pytest.fixture
def shell(monkeypatch):
    """A shell with the extension and a fresh session."""
    for name, value in vars(Session()).items():
        monkeypatch.setattr(session, name, value)
    found = InteractiveShell.instance()
    found.run_line_magic("load_ext", "modelarts_nb")
    found.test_session = session
    yield found
    found.run_line_magic("unload_ext", "modelarts_nb")
    InteractiveShell.clear_instance()
