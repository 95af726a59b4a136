"""What SIGHUP means, and to whom."""

import os
import pty
import signal
import subprocess
import sys
from collections.abc import Iterator

import pytest

from genred.config import Config
from genred.service import signals
from genred.service.signals import Reload, stopping, uninterrupted


@pytest.fixture(autouse=True)
def hangup() -> Iterator[None]:
    """SIGHUP as it was."""
    before = signal.signal(signal.SIGHUP, signal.SIG_DFL)
    yield
    signal.signal(signal.SIGHUP, before)


@pytest.mark.parametrize(
    ("terminal", "can_reload", "stops"), [(False, True, False), (True, True, True), (False, False, True)]
)
def test_a_hangup_reloads_where_no_terminal_can_hang_up(
    monkeypatch: pytest.MonkeyPatch, terminal: bool, can_reload: bool, stops: bool
) -> None:
    """Where there is one, and for a command that can't reload, it is a stop."""
    monkeypatch.setattr(signals, "_has_terminal", lambda: terminal)
    reload = Reload(Config)
    with stopping(reload if can_reload else None) as stop:
        os.kill(os.getpid(), signal.SIGHUP)
        assert (stop.is_set(), reload.asked) == (stops, not stops)


def test_what_nohup_started_stays(monkeypatch: pytest.MonkeyPatch) -> None:
    """A hangup that is ignored stays ignored."""
    monkeypatch.setattr(signals, "_has_terminal", lambda: True)
    signal.signal(signal.SIGHUP, signal.SIG_IGN)
    reload = Reload(Config)
    with stopping(reload) as stop:
        os.kill(os.getpid(), signal.SIGHUP)
        assert (stop.is_set(), reload.asked) == (False, False)


@pytest.mark.timeout(300)
def test_who_is_left_alone_by_a_terminal_ends() -> None:
    """A real one, whose window is closed."""
    script = (
        "import os; os.open(os.ttyname(0), os.O_RDWR)  # a session's first terminal is the one that it has\n"
        "from genred.config import Config; from genred.service.signals import Reload, stopping, uninterrupted\n"
        "with stopping(Reload(Config)) as stop: print('up', flush=True); exit(7 if stop.wait(250) else 8)"
    )
    try:
        window, terminal = pty.openpty()
    except OSError:
        pytest.skip("no pseudo-terminals here")
    command = subprocess.Popen(
        [sys.executable, "-c", script], stdin=terminal, stdout=subprocess.PIPE, text=True, start_new_session=True
    )
    os.close(terminal)
    assert command.stdout is not None
    assert command.stdout.readline() == "up\n"
    os.close(window)
    assert command.wait() == 7
    command.stdout.close()


def test_an_interruption_can_be_put_off() -> None:
    """What was begun meanwhile is known when it comes."""
    before = signal.signal(signal.SIGINT, signal.default_int_handler)
    done = []

    def begin() -> None:
        with uninterrupted():
            signal.raise_signal(signal.SIGINT)
            done.append("begun")

    try:
        with pytest.raises(KeyboardInterrupt):
            begin()
        assert done == ["begun"]
        assert signal.getsignal(signal.SIGINT) is signal.default_int_handler
        with uninterrupted():
            pass
    finally:
        signal.signal(signal.SIGINT, before)
