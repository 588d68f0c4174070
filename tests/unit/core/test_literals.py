"""What is masked of what a Job writes."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from slipway.core.literals import masked


@pytest.mark.parametrize(
    ("line", "shown"),
    [
        ("185 passed in 12.3s", "185 passed in 12.3s"),
        ("connecting to postgres://shop:hunter2@db/shop", "connecting to postgres://shop:***@db/shop"),
        ("password=hunter2 user=shop", "password=*** user=shop"),
        ('{"api_key": "hunter2", "n": 1}', '{"api_key": "***", "n": 1}'),
        ("Authorization: Bearer hunter2", "Authorization: Bearer ***"),
        ("DB_PASSWORD: hunter2", "DB_PASSWORD: ***"),
        ("got AKIAIOSFODNN7EXAMPLE here", "got *** here"),
        ("token eyJhbGciOiJIUzI1NiJ9.eyJzdWIiOiIxIn0.abc", "token ***"),
        ("id 3f2a9c01de at 2026-01-01T12:00:00Z", "id 3f2a9c01de at 2026-01-01T12:00:00Z"),
        ("key 4c0bd7b3f8a94e6b8b5d0c2f7a1e9d34aa", "key ***"),
    ],
)
def test_what_looks_like_a_secret_is_masked(line: str, shown: str) -> None:
    assert masked(line) == shown


@given(st.text(max_size=2000))
def test_any_text_is_masked_in_the_end(text: str) -> None:
    masked(text)
