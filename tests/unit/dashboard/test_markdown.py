"""What a report says, as a page shows it."""

from slipway.dashboard.markdown import rendered


def test_a_table_whose_columns_have_no_names_has_no_headings_without_words() -> None:
    html = rendered("| | result |\n|---|---|\n| home | passed |\n")
    assert "<th></th>" not in html
    assert "<td></td>\n<th>result</th>" in html


def test_what_is_too_wide_can_be_scrolled_by_keyboard() -> None:
    assert (
        rendered("```\nkubectl get promotions\n```")
        == '<pre tabindex="0"><code>kubectl get promotions\n</code></pre>\n'
    )


def test_nothing_of_it_can_do_anything() -> None:
    html = rendered('# A\n<script>alert(1)</script><a href="javascript:x" onclick="x">here</a>')
    assert "script" not in html.replace("&lt;script&gt;", "")
    assert "onclick" not in html
    assert "<h3>A</h3>" in html
