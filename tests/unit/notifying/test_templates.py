"""Templates: an administrator's text, tenants' values."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st
from pydantic import ValidationError

from slipway.notifying.templates import PLACEHOLDERS, NoticeTemplate, render

VALUES = {"subject": "web v2 in production", "text": "It waits.\napprove: kubectl …", "rollout": "web"}


def test_without_a_template_the_text_is_sent_under_what_it_is_about() -> None:
    title, body = render("AwaitingApproval", VALUES, ({}, {}))
    assert title == "Slipway: web v2 in production: AwaitingApproval"
    assert body == "It waits.\napprove: kubectl …"


def test_the_first_template_that_has_a_part_gives_it() -> None:
    channel = {"Held": NoticeTemplate(body="$rollout stands")}
    general = {"Held": NoticeTemplate(title="Attention, ${rollout}: $$5", body="general")}
    assert render("Held", VALUES, (channel, general)) == ("Attention, web: $5", "web stands")  # type: ignore[arg-type]


@pytest.mark.parametrize("text", ["$nothing", "${rollouts}", "costs $ 5", "$"])
def test_what_cannot_be_filled_is_refused_when_it_is_read(text: str) -> None:
    with pytest.raises(ValidationError) as caught:
        NoticeTemplate(body=text)
    assert "placeholder" in str(caught.value)


def test_the_message_lists_the_placeholders() -> None:
    with pytest.raises(ValidationError) as caught:
        NoticeTemplate(title="$statuspage")
    assert all(f"${name}" in str(caught.value) for name in PLACEHOLDERS)


@pytest.mark.parametrize("text", ["@everyone look", "@here", "<!channel> look", "<@U123>", "@Channel"])
def test_a_tenants_words_ring_nobody(text: str) -> None:
    _, body = render("Held", {"text": text}, ())
    assert text not in body
    assert body.replace("\u200b", "") == text


def test_an_address_and_a_comparison_stay_as_they_are() -> None:
    text = "approved by ada@example.com, error-rate 0.002 < 0.01"
    assert render("Held", {"text": text}, ())[1] == text


@given(st.dictionaries(st.sampled_from(PLACEHOLDERS), st.text(max_size=50)))
def test_any_value_is_filled_in_and_a_title_stays_a_line(values: dict[str, str]) -> None:
    title, body = render("Held", values, ({"Held": NoticeTemplate(title="$subject x")},))
    assert len(title.splitlines()) == 1
    assert "\x00" not in body
