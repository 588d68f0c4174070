"""Nobody's words can pose as ours: a Markdown parser sees words where words were put, and nothing else."""

from __future__ import annotations

import html
import re

import pytest
from hypothesis import example, given
from hypothesis import strategies as st
from markdown_it import MarkdownIt
from markdown_it.token import Token
from tests.unit.core.cluster import Cluster, serving
from tests.unit.core.objects import blue_green, template

from slipway.core.markdown import block, bullets, code, heading, instruction, link, plain, quoted, table

ALPHABET = st.sampled_from("ab \n\r\t\x0b\u2028#*`|<>[]()!_~-=+\\1.&;:/$\"'^@{}")
PIECES = st.sampled_from(
    [
        *("<b>", "<!--", "[a](b)", "![", "](", "# ", "\n# ", "\n---\n", "\n===\n", "```\n", "~~~", "| - |", "\\|"),
        *("1. ", "> ", "- ", "&lt;", "&#35;", "https://a.example", "www.a.example", "<https://a.example>", "$x$", "\\"),
    ]
)
WORDS = st.lists(st.one_of(st.text(ALPHABET, max_size=12), PIECES), max_size=6).map("".join)

PARSER = MarkdownIt("commonmark", {"html": True}).enable(["table", "strikethrough"])


def tokens(lines: str | list[str]) -> list[Token]:
    found = PARSER.parse(lines if isinstance(lines, str) else "\n".join(lines))
    return [token for outer in found for token in (outer, *(outer.children or []))]


def kinds(lines: str | list[str]) -> set[str]:
    return {token.type for token in tokens(lines)} - {"inline", "text", "text_special"}


def words(lines: str | list[str]) -> str:
    return "".join(token.content for token in tokens(lines) if token.type in ("text", "text_special", "code_inline"))


def said(text: str) -> str:
    """What a reader is to see of it. A parser shows NUL and its like otherwise; there are none."""
    return " ".join(text.split())


@given(WORDS)
@example("<b>a</b>")
@example("[a](b) ![c](d) <https://a.example>")
@example("1) a")
@example("+")
@example("&amp;")
def test_a_line_is_a_paragraph_with_the_same_words(text: str) -> None:
    shown = plain(text)
    assert "\n" not in shown
    assert kinds(shown) <= {"paragraph_open", "paragraph_close"}
    assert words(shown) == said(text)


@given(WORDS, WORDS)
def test_a_line_does_nothing_to_its_neighbours(before: str, after: str) -> None:
    shown = ["ours", plain(before), plain(after), "", heading(2, "ours"), ""]
    found = [token for token in tokens(shown) if token.type == "heading_open"]
    assert [token.tag for token in found] == ["h2"]


@given(WORDS)
def test_github_finds_no_address_in_it(text: str) -> None:
    """Its autolinks look at the source, for what a parser of the standard does not know."""
    shown = plain(text)
    assert not re.search(r"https?://|www\.", shown, re.IGNORECASE)


@given(WORDS)
def test_a_quote_stays_a_quote(text: str) -> None:
    shown = quoted(text)
    assert all(line.startswith(">") for line in shown)
    assert kinds(shown) <= {
        *("blockquote_open", "blockquote_close", "paragraph_open", "paragraph_close", "softbreak"),
    }


@given(WORDS)
@example("a``<b>")
@example("`")
def test_code_is_code(text: str) -> None:
    shown = code(text)
    assert kinds(f"x {shown} y") <= {"paragraph_open", "paragraph_close", "code_inline"}
    if said(text):
        assert [t.content for t in tokens(shown) if t.type == "code_inline"] == [said(text)]


@given(st.lists(WORDS, max_size=4))
def test_a_block_ends_where_we_end_it(lines: list[str]) -> None:
    shown = [*block(lines, "sh"), "", heading(2, "ours")]
    assert [token.type for token in PARSER.parse("\n".join(shown))][:2] == ["fence", "heading_open"]


@given(WORDS)
def test_a_heading_is_one_heading_with_the_same_words(text: str) -> None:
    shown = heading(3, text)
    assert kinds(shown) <= {"heading_open", "heading_close"}
    assert [t.tag for t in tokens(shown) if t.type == "heading_open"] == ["h3"]
    assert words(shown) == said(text)


@given(st.lists(WORDS, min_size=1, max_size=3))
def test_a_list_has_an_item_for_each_text(texts: list[str]) -> None:
    shown = bullets(texts)
    assert len([t for t in tokens(shown) if t.type == "list_item_open"]) == len(texts)
    assert kinds(shown) <= {
        *("bullet_list_open", "bullet_list_close", "list_item_open", "list_item_close"),
        *("paragraph_open", "paragraph_close"),
    }


@given(st.lists(st.tuples(WORDS, WORDS), min_size=1, max_size=3))
@example([("a\\|b", "c\\|d")])
def test_a_table_keeps_its_columns_and_their_words(rows: list[tuple[str, str]]) -> None:
    shown = [*table(("A", "B"), [(plain(a), code(b)) for a, b in rows]), "", heading(2, "ours")]
    found = tokens(shown)
    assert len([t for t in found if t.type == "td_open"]) == 2 * len(rows)
    assert len([t for t in found if t.type == "tr_open"]) == 1 + len(rows)
    assert len([t for t in found if t.type == "heading_open"]) == 1
    assert not {"html_inline", "html_block", "link_open", "image"} & {t.type for t in found}
    cells = [t for t in PARSER.parse("\n".join(shown)) if t.type == "inline"][2:-1]
    for (text, _), cell in zip(rows, cells[::2], strict=True):
        assert "".join(t.content for t in cell.children or []) == said(text)


@given(WORDS)
@example("`` 1.")
def test_an_instruction_is_words_and_code(text: str) -> None:
    shown = instruction(text)
    assert kinds(shown) <= {"paragraph_open", "paragraph_close", "code_inline"}
    listed = [f"1. {shown}", "", heading(2, "ours")]
    assert len([t for t in tokens(listed) if t.type == "heading_open"]) == 1


@given(WORDS)
@example("https://a.example/?a=1&b=[x](y)|z")
@example("javascript:alert(1)")
def test_an_address_leads_where_it_says(url: str) -> None:
    for address in (url, f"https://{url}"):
        for token in tokens(link(address)):
            assert token.type not in ("html_inline", "html_block", "image")
            if token.type == "link_open":
                assert str(token.attrs["href"]).startswith(("http://", "https://"))
    found = tokens(link("https://a.example/?a=1&b=2"))
    shown = next(t for t in found if t.type == "link_open").attrs["href"]
    assert html.unescape(str(shown)) == "https://a.example/?a=1&b=2" == words(link("https://a.example/?a=1&b=2"))


@pytest.mark.parametrize("words", ["2.0.0", "v1.2.3 (commit abc1234)", "99 % of users: yes, it works"])
def test_ordinary_words_are_left_as_they_are(words: str) -> None:
    assert plain(words) == words


@pytest.mark.parametrize(
    ("line", "shown"),
    [
        ("Run `kubectl get pods` now", "Run `kubectl get pods` now"),
        ("`kubectl get pods -l 'a=*'`", "`kubectl get pods -l 'a=*'`"),
        ("an odd ` one <b>", "an odd \\` one \\<b\\>"),
    ],
)
def test_commands_in_backticks_stay_code(line: str, shown: str) -> None:
    assert instruction(line) == shown


HOSTILE = "x</td><script>a</script> [a](javascript:b) ![c](d) `e\n\n# GO\n\n| a | b |\n| - | - |\n\n```\n- f"


def test_a_whole_report_has_only_our_structure() -> None:
    """Every place for words, filled with what would break out."""
    cluster = hostile()
    data = cluster.get("ConfigMap", "web-2-report")["data"]
    assert "script" in data["report.md"]
    assert_ours(data["report.md"])


def test_a_whole_record_has_only_our_structure() -> None:
    cluster = hostile()
    cluster.say("web-2", abort=HOSTILE)
    cluster.run(30)
    cluster.say("web-2", learnings={"wentWell": HOSTILE, "followUps": [HOSTILE], "fix": HOSTILE})
    cluster.run(30)
    pages = [c["data"]["record.md"] for c in cluster.all("ConfigMap") if "record.md" in c["data"]]
    assert any("script" in page for page in pages)
    for page in pages:
        assert_ours(page)


def hostile() -> Cluster:
    cluster = serving(blue_green())
    cluster.edit(template=template(2))
    words = dict.fromkeys(("summary", "problem", "evidence"), HOSTILE)
    listed = {key: [HOSTILE] for key in ("triggers", "steps", "verification", "communication")}
    cluster.promote(
        "web-2",
        version=HOSTILE[:100],
        idea={"id": "IDEA-1", **words, "lessons": [HOSTILE], "journey": [{"stage": "SPARK", "note": HOSTILE}]},
        assessment={"threats": [HOSTILE], "mitigations": [HOSTILE], "risk": "Low", "recommendation": "Proceed"},
        checks=[{"name": "tests", "category": "Quality", "attest": {"passed": True, "summary": HOSTILE}}],
        rollbackPlan=listed,
        operations={"ci": HOSTILE, "logging": HOSTILE, "links": {HOSTILE[:40]: "https://a.example/|[x](y)"}},
        communication={"changelog": HOSTILE, "releaseNotes": HOSTILE, "notify": ["support"]},
    )
    cluster.settle()
    cluster.approve("web-2")
    cluster.settle()
    return cluster


def assert_ours(page: str) -> None:
    found = tokens(page)
    allowed = {"<br>"}
    assert {t.content for t in found if t.type in ("html_inline", "html_block")} <= allowed
    for token in found:
        if token.type == "link_open":
            assert str(token.attrs["href"]).startswith("https://a.example/")
        assert token.type != "image"
    titles = [found[n + 1].content for n, token in enumerate(found) if token.type == "heading_open"]
    assert "GO" not in titles
