"""What the form means, without the form: a choice, the cells it stands for, what is wrong with it. No I/O.

The form (``notebook/form``) only fills a ``Choice``; everything that can be decided is decided here, so that the cells can
also be made, and tested, without a browser.
"""

from .cells import cells, dockerfile_text
from .choice import Choice, Folder, Problem, check
from .reopen import reopen

__all__ = ["Choice", "Folder", "Problem", "cells", "check", "dockerfile_text", "reopen"]
