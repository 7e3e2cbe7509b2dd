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

# JupyterLab's side, prebuilt: it is its own source (see labextension/static/remoteEntry.js)
EXTENSION = [
    ("share/jupyter/labextensions/modelarts-nb", ["labextension/package.json", "labextension/install.json"]),
    ("share/jupyter/labextensions/modelarts-nb/static", ["labextension/static/remoteEntry.js"]),
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
    package_data={"modelarts_nb": [
        "py.typed", "catalog.json", "rules/*.json", "messages/zh_CN/*.json", "notebook/view/static/*", "sandbox/image/*",
        "sandbox/image/**/*",
    ]},
    data_files=[*CONFIGURATION, *EXTENSION],
    install_requires=[
        "anywidget>=0.9",   # the live view: its browser part is in its wheel; MIT; 2 MB with psygnal, imported lazily
        "docker>=7.1",      # the Engine's API: transports, contexts, logins; 7.0 fails with requests 2.32 ("http+docker")
        "hpack>=4.0",       # HTTP/2 header compression, for the build session; pure Python, no dependencies
        "ipython>=8.15",    # magics; older ones warn under Python 3.12 (their history)
        "ipywidgets>=8.0",  # the form
        "nbformat>=5.7",    # reading and writing notebooks
        "requests>=2.28",   # registries and, later, the cloud
        "shtab>=1.9",       # `modelarts-nb completion`: static scripts, fish since 1.9; MPL-2.0; 23 kB, no dependencies
    ],
    extras_require={
        "obs": ["esdk-obs-python>=3.24"],  # object storage, by the vendor; Apache-2.0; 16 MB of pycryptodome with it
        # Object storage of the sandbox: moto's S3 server. Not moto[server], which would bring what other services need
        "sandbox": ["moto[s3]>=5.1", "flask>=3", "flask-cors>=4"],
        "zstd": ["zstandard>=0.22"],  # layers packed with zstd (BSD; 20 MB, hence no part of the base); told as unread without
        "lab": ["jupyterlab>=4.0", "nbclient>=0.8"],  # to open and to execute the tutorials
        # `modelarts-nb run`: a notebook in a kernel of its own, and parameters in YAML; BSD and MIT
        "run": ["nbclient>=0.8", "ipykernel>=6.20", "pyyaml>=6"],
        "dev": [
            "jupyterlab>=4.0", "nbclient>=0.8", "nbconvert>=7", "mypy>=1.10", "ruff>=0.6", "pytest>=8",
            "pytest-xdist>=3.5",  # two processes: most of the suite waits for Engines, kernels and browsers
            "pytest-timeout>=2.3",  # a test that hangs fails, and the others go on
            "pytest-rerunfailures>=14",  # in CI alone, see .ci/run
            "hypothesis>=6.100",  # protocols are tested byte by byte
            "sarif-pydantic>=0.6",  # the judge of our own SARIF
            "pyyaml>=6",          # the extra “run”
            "nbdime>=4",          # notebooks are compared and merged as git does it with nbdime
            "jupytext>=1.16",     # notebooks are scripts and back
            "zstandard>=0.22",
            "protobuf>=5",        # the judge of our own wire encoding
            "h2>=4",              # the judge of our own HTTP/2
            "esdk-obs-python>=3.24",  # the extra “obs”
            "paramiko>=3",        # docker-py imports it for ssh://, also where the ssh program does the work
            "axe-playwright-python>=0.1",  # axe-core, the judge of accessibility in the browser tests
            "moto[s3]>=5.1", "flask>=3", "flask-cors>=4",  # the extra “sandbox”
            # The documentation: `make docs`. BSD and MIT; Sphinx and its parts are released every few months (decisions/060)
            "sphinx>=7.4", "myst-parser>=3", "furo>=2024.8.6",
            "playwright>=1.45",   # drives the system's Chromium against a real JupyterLab
        ],
    },
    entry_points={"console_scripts": ["modelarts-nb = modelarts_nb.cli:main"]},
    classifiers=[
        "Development Status :: 3 - Alpha",
        "Framework :: IPython",
        "Framework :: Jupyter",
        "Framework :: Jupyter :: JupyterLab :: Extensions :: Prebuilt",
        "Programming Language :: Python :: 3",
        "Programming Language :: Python :: 3 :: Only",
        *(f"Programming Language :: Python :: 3.{minor}" for minor in range(10, 14)),  # those of `make matrix`
        "Operating System :: POSIX",
        "Typing :: Typed",
    ],
)
