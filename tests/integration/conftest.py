import pytest

from .kernel import LOAD, Kernel


@pytest.fixture
def kernel(tmp_path):
    """A kernel with the extension loaded."""
    found = Kernel(tmp_path)
    assert found.run(LOAD)[0] == "ok"
    yield found
    found.close()
