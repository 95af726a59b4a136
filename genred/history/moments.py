"""Moments as people say them: a date, a time of a day, or how long ago."""

import re
from datetime import datetime, timedelta

from genred.history.records import iso


def moment(text: str, now: datetime) -> str:
    """Return a time as a person gives it as the history holds it.

    Parameters
    ----------
    text
        A date, with a time or without; "today", "yesterday" or "last week", which begin at midnight here; or how long
        ago: "90m", "12h", "7d", "2 weeks ago".
    now
        With a time zone.

    Raises
    ------
    ValueError
        If it is none, in words for people.
    """
    words = " ".join(text.casefold().split())
    try:
        if words in _DAYS_AGO:
            day = now.date() - timedelta(_DAYS_AGO[words])
            return iso(datetime(day.year, day.month, day.day).astimezone())
        if ago := _AGO.fullmatch(words):
            return iso(now - timedelta(**{_UNITS[ago[2]]: int(ago[1])}))
        return iso(datetime.fromisoformat(text).astimezone())
    except (ValueError, OverflowError):
        raise ValueError(
            f"{text!r} is not a time; give 2026-11-22, 2026-11-22T18:30, yesterday, 90m, 12h or 7d"
        ) from None


_DAYS_AGO = {"today": 0, "yesterday": 1, "last week": 7}
_UNITS = {"m": "minutes", "h": "hours", "d": "days", "w": "weeks"}
_AGO = re.compile(r"(\d+) ?([mhdw])(?:in(?:ute)?s?|ours?|ays?|eeks?)?(?: ago)?")
