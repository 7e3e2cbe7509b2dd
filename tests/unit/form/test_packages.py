from modelarts_nb.form.packages import Installed, environment_lines, imported_modules, pinned


def test_imports_are_found_wherever_they_stand():
    cells = [
        "import os, numpy as np\nfrom sklearn.datasets import load_digits",
        "def f():\n    import pandas.io\nfrom . import local\nimport numpy",
        "this is no python", "import modelarts_nb, IPython\n", "get_ipython().run_line_magic('build', '')", "x = '\0'",
    ]
    assert imported_modules(cells) == ("numpy", "sklearn", "pandas")


def test_modules_become_packages_with_the_versions_of_this_kernel():
    packages = [
        Installed("torch", "2.1.0+cu118"), Installed("scikit-learn", "1.5.2"), Installed("Pillow", "10.0"),
        Installed("mine", "0.1", "editable", place="mine"),
    ]
    assert pinned(packages) == ("Pillow==10.0", "scikit-learn==1.5.2", "torch==2.1.0")


def test_an_environment_file_as_conda_writes_it():
    text = """\
name: digits
channels:
  - conda-forge
dependencies:
  - python=3.9.18=h955ad1f_0
  - numpy=1.21.6=py39h18676bf_0
  - conda-forge::scipy=1.9   # why
  - pandas>=1.3,<2
  - "matplotlib"
  - cudatoolkit=10.2
  - pip
  - pip:
      - torch==1.8.0
      - -e .
  - pyyaml
prefix: /home/someone
"""
    assert environment_lines(text) == (
        "numpy==1.21.6", "scipy==1.9.*", "pandas>=1.3,<2", "matplotlib", "torch==1.8.0", "-e .", "pyyaml"
    )
    assert environment_lines("") == ()
