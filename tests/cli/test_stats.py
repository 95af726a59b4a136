"""What `genred stats` prints."""

import pytest

from genred.cli import stats


def test_stats_say_what_share_was_answered_and_corrected(capsys: pytest.CaptureFixture[str]) -> None:
    """In words first, then as bars, the last two years by month."""
    months = {f"{year}-{month:02d}": month for year in (2024, 2025, 2026) for month in range(1, 13)}
    shares = {"heard": 1000, "answered": 640, "written": 600, "undone": 3, "set": 7, "changed": 9}
    counts = {
        "shares": shares,
        "outcome": {"tagged": 607},
        "genre": {"Rock": 607},
        "model": {"m": 600},
        "month": months,
        "now": {"Rock": 500, "Polka": 12},
        "now_by": {"genred": 490, "you": 22},
        "now_genred": {"Rock": 490},
    }
    stats.counts(counts)
    out = capsys.readouterr().out
    assert "64% of what it heard" in out
    assert "12  2.00% of what it wrote: 9 changed, 3 undone" in out
    assert "512  490 by genred, 22 by you; as last seen, deleted files too" in out
    assert ("2025-01" in out, "2024-12" in out) == (True, False)
    stats.counts({key: dict[str, int]() for key in counts} | {"shares": dict.fromkeys(shares, 0)})
    assert "heard                 0" in capsys.readouterr().out
