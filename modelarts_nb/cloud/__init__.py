"""Huawei Cloud over requests: signing, credentials, IAM, SWR, OBS, ModelArts training jobs.

``signing`` is pure; ``client`` sends; the rest names what can be asked. Nothing here met the real cloud: docs/fidelity.md.
"""
