"""Every internal link of every page leads to a file, and to a heading of it if it names one.

Sphinx checks those of the documentation; here are also the pages that are read on their own.
"""

import re
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
FOLDERS = ("docs", "fastgrad", "benches", "tests")
PAGES = {
    path.relative_to(ROOT).as_posix(): path.read_text()
    for path in [*ROOT.glob("*.md"), *(page for f in FOLDERS for page in (ROOT / f).rglob("*.md"))]
    if "_build" not in path.parts
}
CODE = re.compile(r"^(`{3,}|~{3,}).*?^\1|\$\$.*?\$\$|`[^`\n]+`", re.MULTILINE | re.DOTALL)
LINK = re.compile(r"""\]\(<?([^)\s>]+)|(?:href|src)="([^"]+)|^\[[^\]]+\]: (\S+)""", re.MULTILINE)
HEADING = re.compile(r"^#{1,6} (.+)$", re.MULTILINE)
INCLUDED = re.compile(r"^```\{include\} (\S+)$", re.MULTILINE)
LABEL = re.compile(r"^\(([\w-]+)\)=$", re.MULTILINE)


def links(text):
    """The targets of a page's links and images."""
    without_code = CODE.sub("", text)
    return ["".join(found) for found in LINK.findall(without_code)]


def anchors(text):
    """The names of a page's headings, as GitHub and MyST make them, and of its labels."""
    headings = HEADING.findall(re.sub(r"^```.*?^```", "", text, flags=re.MULTILINE | re.DOTALL))
    shown = [re.sub(r"\[([^\]]+)\]\([^)]+\)", r"\1", heading) for heading in headings]
    slugs = [re.sub(r"[^\w\- ]", "", heading.lower()).replace(" ", "-") for heading in shown]
    return {*slugs, *LABEL.findall(text)}


def is_external(link):
    return re.match(r"(https?|mailto):", link)


def leads_somewhere(page, link):
    path, _, anchor = link.partition("#")
    target = (ROOT / page).parent / path if path else ROOT / page
    if not target.exists():
        return False
    texts = [target.read_text()] if anchor else []
    texts += [
        (target.parent / included).read_text() for included in INCLUDED.findall("".join(texts))
    ]
    return not anchor or any(anchor in anchors(text) for text in texts)


@pytest.mark.parametrize("page", PAGES)
def test_every_link_leads_somewhere(page):
    internal = [link for link in links(PAGES[page]) if not is_external(link)]
    assert [link for link in internal if not leads_somewhere(page, link)] == []


def test_the_links_are_found():
    assert len([link for text in PAGES.values() for link in links(text)]) > 200
    assert len(links(PAGES["README.md"])) > 20


@pytest.mark.parametrize("link", ["nowhere.md", "README.md#nowhere", "#nowhere", "docs/none.svg"])
def test_a_wrong_link_is_noticed(link):
    assert not leads_somewhere("README.md", link)
    assert links(f"[a]({link}) and `[b](c)`\n```text\n[d](e)\n```") == [link]
