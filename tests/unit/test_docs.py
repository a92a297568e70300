"""Pages that point at each other and at the code: what they name is there."""

import re
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]
PAGES = [*ROOT.glob("*.md"), *ROOT.glob("docs/**/*.md"), *ROOT.glob("deploy/*.md")]
LINK = re.compile(r"\]\((?!https?:|mailto:)([^)#\s]*)(?:#([^)\s]+))?\)")
ARCHITECTURE = ROOT / "docs" / "architecture.md"


def anchors(page: Path) -> set[str]:
    """The names that a forge gives to a page's headings."""
    heads = re.findall(r"^#+ +(.+)$", page.read_text(encoding="utf-8"), re.M)
    return {re.sub(r"[^\w\- ]", "", head.lower()).replace(" ", "-") for head in heads}


@pytest.mark.parametrize("page", PAGES, ids=lambda page: str(page.relative_to(ROOT)))
def test_links_lead_somewhere(page: Path) -> None:
    broken = []
    for path, anchor in LINK.findall(page.read_text(encoding="utf-8")):
        target = page.parent / path if path else page
        if not target.exists() or (anchor and target.suffix == ".md" and anchor not in anchors(target)):
            broken.append(f"{path}#{anchor}")
    assert not broken


def test_every_page_can_be_found_from_the_readme() -> None:
    seen, todo = set(), [ROOT / "README.md"]
    while todo:
        page = todo.pop()
        if page not in seen and page.suffix == ".md" and page.is_file():
            seen.add(page)
            links = LINK.findall(page.read_text(encoding="utf-8"))
            todo += [(page.parent / path).resolve() for path, _ in links if path]
    adrs = set(ROOT.glob("docs/adr/*.md"))  # linked as a folder
    assert set(ROOT.glob("docs/**/*.md")) - adrs <= seen


def test_modules_that_the_architecture_names_are_there() -> None:
    text = ARCHITECTURE.read_text(encoding="utf-8")
    named = re.findall(
        r"`((?:engine|exchange|runtime|journal|telemetry|paper|view|domain)/[\w/]*(?:\.py)?)`", text
    )
    assert len(named) > 10
    assert not [name for name in named if not (ROOT / "core" / name).exists()]
    bare = re.findall(r"`(\w+\.py)`", text)
    assert not [name for name in bare if not list((ROOT / "core").rglob(name))]


def test_the_predecessors_tools_are_found_with_what_does_their_work_here() -> None:
    page = (ROOT / "docs/upgrading.md").read_text(encoding="utf-8").partition("## From the predecessor")[2]
    rows = dict(re.findall(r"^\| (.+?) \| (.+) \|$", page, re.MULTILINE))
    for tool in ("start_bot.py", "STOP.txt", "cancel_all.py", "check_orders.py", "install_monitoring.sh"):
        assert [here for old, here in rows.items() if f"`{tool}`" in old], tool
