"""Kinds of manifests, and which of them SWR takes: the one place that says so.

SWR's manual (basic edition, swr_01_0011, 2025-11) excludes images of OCI v1.0 and v1.1. Public reports agree: an OCI index is
answered 400 “Invalid image, fail to parse 'manifest.json'”, Docker's manifest list is taken (vllm-ascend 16117, bkn-foundry
244). That a single OCI manifest is refused too stands in the manual only; **unverified** against the real service.
"""

DOCKER_MANIFEST = "application/vnd.docker.distribution.manifest.v2+json"
DOCKER_LIST = "application/vnd.docker.distribution.manifest.list.v2+json"
OCI_MANIFEST = "application/vnd.oci.image.manifest.v1+json"
OCI_INDEX = "application/vnd.oci.image.index.v1+json"

TAKEN = (DOCKER_MANIFEST, DOCKER_LIST)  # by SWR
PLAIN = (DOCKER_MANIFEST, OCI_MANIFEST)  # one image, not a list of them
