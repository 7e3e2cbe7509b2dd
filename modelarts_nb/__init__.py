"""Build, try and push custom training images for Huawei Cloud ModelArts from inside a notebook."""

__version__ = "0.1.0"
