"""The line at the end of a scan."""

import pytest

from genred.cli.progress import Progress
from genred.history.records import Outcome


@pytest.mark.parametrize(
    ("looked_at", "stopped", "told"),
    [
        (0, False, "nothing new to look at\n"),
        (0, True, "nothing was decided; stopped, and the next scan goes on from here\n"),
        (2, False, "2 files looked at: 2 tagged\n"),
        (2, True, "2 files looked at: 2 tagged; stopped, and the next scan goes on from here\n"),
    ],
)
def test_who_stops_a_scan_is_not_told_that_all_is_done(
    looked_at: int, stopped: bool, told: str, capsys: pytest.CaptureFixture[str]
) -> None:
    """What was decided is counted either way."""
    progress = Progress()
    progress.counts[Outcome.TAGGED.value] += looked_at
    progress.summarise(dry_run=False, stopped=stopped)
    assert capsys.readouterr().err == told
