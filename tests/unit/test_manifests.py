"""Which manifests SWR takes is said in one place, and everything that judges one goes by it."""

from pathlib import Path

import modelarts_nb
from modelarts_nb import manifests


def test_swr_takes_dockers_kinds_and_none_of_oci():
    assert manifests.TAKEN == (manifests.DOCKER_MANIFEST, manifests.DOCKER_LIST)
    assert not {manifests.OCI_MANIFEST, manifests.OCI_INDEX} & set(manifests.TAKEN)


def test_no_other_module_spells_a_kind_out():
    package = Path(modelarts_nb.__file__).parent
    places = [path for path in package.rglob("*.py") if "distribution.manifest" in path.read_text()]
    assert places == [package / "manifests.py"]
