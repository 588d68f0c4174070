"""Public holidays by country, from the library `holidays`, which is loaded when a policy first asks for one.

It takes a fifth of the operator's start and is of use to few.
"""

from collections.abc import Mapping, Sequence
from datetime import date
from functools import lru_cache


@lru_cache(maxsize=1)
def countries() -> Mapping[str, Sequence[str]]:
    """The parts of each country that have holidays of their own, by ISO 3166-1 code. Raises ImportError.

    Loads all calendars, so that no decision is the first to ask for one.
    """
    import holidays

    return holidays.list_supported_countries(include_aliases=True)


@lru_cache(maxsize=256)
def days_off(country: str, subdivision: str | None, year: int) -> frozenset[date]:
    """The public holidays of one year."""
    import holidays

    return frozenset(holidays.country_holidays(country, subdiv=subdivision, years=year))
