"""The library in figures as one file: everything is in it, and it can be mailed or opened without a network."""

from collections.abc import Mapping
from datetime import datetime
from typing import Any

from genred.history.history import History
from genred.history.records import iso
from genred.web import render
from genred.web.summary import MOST_MIXED, summary


def page(history: History, card: Mapping[str, Any], now: datetime) -> bytes:
    """Return the page in UTF-8.

    Parameters
    ----------
    history
        The history.
    card
        What the file of the model in use tells of it; empty where there is none.
    now
        With a time zone.
    """
    return render.page("report.html", library=summary(history, card), most_mixed=MOST_MIXED, at=iso(now))
