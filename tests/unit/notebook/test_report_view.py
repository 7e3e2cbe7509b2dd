"""The card of a check: a table that reads without colour, everything escaped, and its twin in text."""

import re
from html.parser import HTMLParser

from modelarts_nb.notebook.view.report import bundle, card
from modelarts_nb.rules.image.facts import LayerFacts
from modelarts_nb.rules.model import Finding, Severity
from modelarts_nb.rules.report import CheckReport, Waste

EVIL = "<script>alert(1)</script>\"'&"


def report(*findings, **options):
    base = LayerFacts(1, 5_000_000, 10, "imported", base=True, wasted=1_000_000)
    layers = (base, LayerFacts(2, 300, 1, f"RUN {EVIL}", 3, 3))
    values = {"base": "host/org/base:1", "base_layers": 1, "size": 6_000_000, "base_size": 5_000_000, "limit": 10_000_000}
    values.update(options)
    return CheckReport(
        "digits:v1", "sha256:0", "v1", findings, layers, wasted=(Waste(f"/{EVIL}", 9, 1, 2),), caches=((2, "pip", 4_000_000),),
        **values,
    )


def finding(severity=Severity.ERROR, code="MA108", **options):
    message = options.pop("message", "A new file.")
    return Finding(code, severity, message, "chmod u-s /x", 2, 2, "/x", 2, "RUN x", "4755 0:0", **options)


class Reader(HTMLParser):
    def __init__(self):
        super().__init__()
        self.open, self.tags, self.attributes = [], [], []

    def handle_starttag(self, tag, attrs):
        self.tags.append(tag)
        self.attributes += attrs
        if tag not in ("br", "meta"):
            self.open.append(tag)

    def handle_endtag(self, tag):
        assert self.open.pop() == tag


def read(html):
    reader = Reader()
    reader.feed(html)
    assert reader.open == []
    return reader


def test_it_is_well_formed_and_nothing_in_it_runs():
    hostile = finding(message=EVIL)
    reader = read(card(report(hostile, finding(Severity.WARNING), finding(Severity.NOTE)), f"/tmp/{EVIL}.log"))
    assert "script" not in reader.tags
    assert not [name for name, _ in reader.attributes if name.startswith("on")]


def test_violations_stand_at_the_top_with_words_for_their_signs():
    html = card(report(finding(), finding(Severity.WARNING, "MA128")))
    assert "1 violation, 1 warning" in html
    assert "digits:v1 against base:1" in html
    assert 'role="img" aria-label="Error"' in html
    assert html.index("MA108") < html.index("MA128") < html.index("<details")
    assert len(re.findall(r'<th scope="col"', html)) >= 4
    assert "<caption>Findings</caption>" in html


def test_notes_and_layers_open_on_demand():
    html = card(report(finding(Severity.NOTE, "MA107")))
    assert "No violations" in html
    assert html.index("1 note</summary>") < html.index("MA107")
    assert "2 layers" in html
    assert "pip 4.0 MB in layer 2" in html


def test_what_is_ignored_is_not_among_the_violations():
    html = card(report(finding(ignored="meant so")))
    assert "No violations" in html
    assert "MA108" not in html


def test_many_findings_are_cut_and_counted():
    html = card(report(*(finding(code="MA108") for _ in range(100))))
    assert html.count("MA108</code>") == 40
    assert "60 more in the report" in html


def test_the_twin_in_text_says_the_same():
    made = bundle(report(finding()), "/tmp/check.log")
    assert "1 violation: digits:v1 against host/org/base:1" in made["text/plain"]
    assert "chmod u-s /x" in made["text/plain"]
    assert "/tmp/check.log" in made["text/plain"]
