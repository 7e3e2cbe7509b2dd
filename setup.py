"""Package metadata. Tools are configured in pyproject.toml."""

from __future__ import annotations

from pathlib import Path

from setuptools import find_packages, setup

HERE = Path(__file__).parent

# What Jupyter is told at installation, jupyter-config/NAME.d/*.json: only what exists, and so far nothing needs any
CONFIGURATION = [
    (f"etc/jupyter/{folder.name}", [str(file.relative_to(HERE)) for file in sorted(folder.glob("*.json"))])
    for folder in sorted((HERE / "jupyter-config").glob("*.d"))
]

setup(
    name="modelarts-nb",
    version="0.1.0",
    description="Build, try and push custom training images for Huawei Cloud ModelArts from inside a notebook",
    long_description=(HERE / "README.md").read_text(encoding="utf-8"),
    long_description_content_type="text/markdown",
    license="Apache-2.0",
    license_files=["LICENSE"],
    python_requires=">=3.10",
    packages=find_packages(include=["modelarts_nb", "modelarts_nb.*"]),
    package_data={
        "modelarts_nb": ["py.typed", "catalog.json", "rules/*.json", "messages/zh_CN/*.json", "sandbox/image/*",
            "sandbox/image/**/*"],
    },
    data_files=CONFIGURATION,
    install_requires=[
        "docker>=6.1",      # the Engine's API: transports, contexts, stored credentials
        "hpack>=4.0",       # HTTP/2 header compression, for the build session; pure Python, no dependencies
        "ipython>=8.10",    # magics
        "ipywidgets>=8.0",  # the form
        "nbformat>=5.7",    # reading and writing notebooks
        "requests>=2.28",   # registries and, later, the cloud
    ],
    extras_require={
        # Object storage of the sandbox: moto's S3 server. Not moto[server], which would bring what other services need
        "sandbox": ["moto[s3]>=5.1", "flask>=3", "flask-cors>=4"],
        "lab": ["jupyterlab>=4.0", "nbclient>=0.8"],  # to open and to execute the tutorials
        "dev": [
            "jupyterlab>=4.0", "nbclient>=0.8", "nbconvert>=7", "mypy>=1.10", "ruff>=0.6", "pytest>=8",
            "hypothesis>=6.100",  # protocols are tested byte by byte
            "protobuf>=5",        # the judge of our own wire encoding
            "h2>=4",              # the judge of our own HTTP/2
            "paramiko>=3",        # docker-py imports it for ssh://, also where the ssh program does the work
            "moto[s3]>=5.1", "flask>=3", "flask-cors>=4",  # the extra “sandbox”
            "playwright>=1.45",   # drives the system's Chromium against a real JupyterLab
        ],
    },
    entry_points={"console_scripts": ["modelarts-nb = modelarts_nb.cli:main"]},
    classifiers=[
        "Development Status :: 3 - Alpha",
        "Framework :: IPython",
        "Framework :: Jupyter",
        "Programming Language :: Python :: 3",
        "Operating System :: POSIX",
        "Typing :: Typed",
    ],
)
