"""Ask for the password, if there is one, and know again who gave it: sessions, and the number of wrong tries.

A session is a random number that a browser keeps in a cookie. Before somebody logs in, it serves for nothing but the
token of their forms, and nothing is kept of it here. Who logs in gets a new one, which is kept until it expires.
"""

import hashlib
import hmac
import secrets
import stat
import time
from collections import OrderedDict
from collections.abc import Callable
from ipaddress import IPv6Address, ip_address
from pathlib import Path

from genred.config import Web
from genred.errors import ConfigError

LEAST = 12
"""The characters that a password has at least."""
SESSION_SECONDS = 30 * 86400
"""The time for which nobody has to log in again."""
TRIES, TRIES_OF_ALL = 5, 100
"""The wrong passwords in `TRIES_SECONDS` after which no other one is looked at: from one address, and from all."""
TRIES_SECONDS = 60.0
_MOST = 1000
"""The most sessions, and the most addresses of wrong tries, that are kept in mind."""


class TooManyTriesError(Exception):
    """So many wrong passwords were given that no other one is looked at for a while."""

    def __init__(self, seconds: float) -> None:
        super().__init__(f"too many wrong passwords; try again in {seconds:.0f} seconds")
        self.seconds = seconds


class Door:
    """Let in who knows the password.

    Parameters
    ----------
    password
        Empty where none is asked for.
    clock
        Monotonic, in seconds.
    """

    def __init__(self, password: str = "", clock: Callable[[], float] = time.monotonic) -> None:
        self.has_lock = bool(password)
        self._password = _digest(password)
        self._key = secrets.token_bytes(32)
        self._clock = clock
        self._sessions: OrderedDict[bytes, float] = OrderedDict()
        self._tries: OrderedDict[str, list[float]] = OrderedDict()
        self._tries_of_all: list[float] = []

    def token(self, session: str) -> str:
        """Return the token that goes into the forms of a session: nobody finds it out who can't read the page."""
        return hmac.new(self._key, session.encode("utf-8", "replace"), "sha256").hexdigest()

    def is_open(self, session: str) -> bool:
        """Return whether whoever has this session may come in."""
        return not self.has_lock or self._sessions.get(_digest(session), 0.0) > self._clock()

    def admit(self, password: str, address: str) -> str | None:
        """Return a new session for who knows the password, None for who doesn't.

        Raises
        ------
        TooManyTriesError
            If too many didn't; the password isn't looked at then.
        """
        if not self.knows(password, address):
            return None
        session = new_session()
        self._sessions[_digest(session)] = self._clock() + SESSION_SECONDS
        while len(self._sessions) > _MOST:
            self._sessions.popitem(last=False)
        return session

    def knows(self, password: str, address: str) -> bool:
        """Return whether somebody knows the password; raises as `admit`."""
        now = self._clock()
        place = _place(address)
        self._tries_of_all = _recent(self._tries_of_all, now)
        tries = _recent(self._tries.pop(place, []), now)
        for recent, most in ((tries, TRIES), (self._tries_of_all, TRIES_OF_ALL)):
            if len(recent) >= most:
                self._tries[place] = tries
                raise TooManyTriesError(recent[0] + TRIES_SECONDS - now)
        if self.has_lock and hmac.compare_digest(_digest(password), self._password):
            return True
        self._tries[place] = [*tries, now]
        self._tries_of_all.append(now)
        while len(self._tries) > _MOST:
            self._tries.popitem(last=False)
        return False

    def leave(self, session: str) -> None:
        """Forget a session."""
        self._sessions.pop(_digest(session), None)


def new_session() -> str:
    """Return the name of a session that nobody can guess."""
    return secrets.token_urlsafe(32)


def password_of(web: Web) -> str:
    """Return the password that is asked for; empty where none is.

    Raises
    ------
    ConfigError
        If the file that holds it can't be read, or the password is too short.
    """
    if not web.password_file:
        return ""
    path = Path(web.password_file).expanduser()
    try:
        password = path.read_text("utf-8").partition("\n")[0].strip()
        is_open = path.stat().st_mode & stat.S_IROTH
    except (OSError, UnicodeError) as error:
        reason = error.strerror if isinstance(error, OSError) else "not UTF-8 text"
        raise ConfigError(f"web.password_file: {path} can't be read ({reason})") from error
    if len(password) < LEAST:
        raise ConfigError(f"web.password_file: the first line of {path} has less than {LEAST} characters")
    if is_open:
        raise ConfigError(
            f"web.password_file: everybody on this machine can read {path}; `chmod 600` keeps them from it"
        )
    return password


def _digest(text: str) -> bytes:
    return hashlib.sha256(text.encode("utf-8", "surrogatepass")).digest()


def _recent(tries: list[float], now: float) -> list[float]:
    return [at for at in tries if now - at < TRIES_SECONDS]


def _place(address: str) -> str:
    """Return what counts as one address: of IPv6, the network that one household has."""
    try:
        known = ip_address(address)
    except ValueError:
        return ""
    return str(int(known) >> 64) if isinstance(known, IPv6Address) and known.ipv4_mapped is None else address
