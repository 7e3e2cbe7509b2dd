"""What a stranger's notebook can do before anybody runs its builds: nothing."""

import html.parser
import re
import subprocess
import sys

from modelarts_nb.api import catalog
from modelarts_nb.form import Folder, cells, check, reopen
from modelarts_nb.form.choice import Choice
from modelarts_nb.notebook.form.preview import cells_html, problems_html

# Run in a process of its own: an audit hook stays for ever. What importing itself does (reading modules) is no matter
LOADING = """
import sys
from IPython.core.interactiveshell import InteractiveShell
shell = InteractiveShell.instance()
seen = []
FORBIDDEN = ("socket.connect", "socket.bind", "socket.getaddrinfo", "subprocess.Popen", "os.system", "os.exec",
             "os.posix_spawn", "os.fork", "os.remove", "os.rename", "os.mkdir", "os.chmod", "os.putenv")

def watch(event, arguments):
    written = event == "open" and isinstance(arguments[1], str) and set(arguments[1]) & set("wax+")
    if event in FORBIDDEN or (written and "__pycache__" not in str(arguments[0])):
        seen.append((event, str(arguments[:2])))

sys.dont_write_bytecode = True
sys.addaudithook(watch)
shell.run_line_magic("load_ext", "modelarts_nb")
print(seen)
assert "build" in shell.magics_manager.magics["line"]
open({place!r}, "w").close()
assert len(seen) == 1, "the hook sees what is done"
"""


def test_loading_the_extension_runs_nothing(tmp_path):
    code = LOADING.replace("{place!r}", repr(str(tmp_path / "x")))
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, timeout=60)
    assert (done.returncode, done.stdout) == (0, "[]\n"), done.stderr


HOSTILE = """FROM <script>alert(1)</script>
RUN echo "<img src=x onerror=alert(2)>" </pre></code></div><script>alert(3)</script>
RUN pip install 'x"onmouseover="alert(4)'
LABEL a="javascript:alert(5)"
"""


class Tags(html.parser.HTMLParser):
    """The tags and attributes in a piece of HTML."""

    def __init__(self, text):
        super().__init__()
        self.names, self.handlers = set(), set()
        self.feed(text)

    def handle_starttag(self, tag, attributes):
        self.names.add(tag)
        self.handlers |= {
            (name, value) for name, value in attributes if name.startswith("on") or "javascript:" in (value or "")
        }


def test_a_hostile_dockerfile_is_text_in_the_form():
    known = catalog()
    choice = reopen("plain", HOSTILE, known, Choice())
    named = reopen("<script>alert(6)</script>", HOSTILE, known, Choice())
    problems = [*check(choice, known, Folder()), *check(named, known, Folder())]
    assert any("alert(6)" in problem.message for problem in problems)
    shown = cells_html(cells(choice, known)) + problems_html(problems, {"base": "<b>"})
    tags = Tags(shown)
    assert tags.names <= {"div", "span", "pre", "code", "button", "ul", "li", "b"}
    assert all(value.startswith("navigator.clipboard.writeText(this.closest(") for _, value in tags.handlers)
    assert "&lt;script&gt;alert(3)" in re.sub(r"</?span[^>]*>", "", shown), "it is shown, as text"
