"""Tell whose the genres in a file are: genred's own, or those of a person."""

from genred.analysis import Analysis
from genred.genres import is_said
from genred.history.history import History
from genred.history.identity import copied_answer, is_original, sounds_alike
from genred.history.records import Outcome, Standing
from genred.tagging.arrivals import Arrival
from genred.tagging.policy import Decision, change_in_words


class Authors:
    """Tells whose the genres in a file are.

    Parameters
    ----------
    history
        What genred wrote.
    separator
        The text that genred puts between genres in a tag that has no lists.
    """

    def __init__(self, history: History, separator: str) -> None:
        self._history = history
        self._separator = separator

    def carried(self, arrival: Arrival, look: Analysis) -> int | None:
        """Return the number of the write by genred whose genres a file has; None if there is no such write."""
        if arrival.known is not None and self._is_own(arrival, look):
            return arrival.known.wrote
        if not look.genres:
            return None
        return copied_answer(self._history, arrival.path, arrival.stamp, look.places, self._separator)

    def persons_change(self, arrival: Arrival, look: Analysis) -> Decision | None:
        """Return a person's correction of what genred wrote into a file; None if no person changed the genre."""
        known, wrote = arrival.known, self._wrote(arrival)
        if known is None or wrote is None or self._is_own(arrival, look):
            return None
        if known.standing is Standing.UNDECIDED and arrival.is_put_off:
            return None  # that was asked before the file was noted
        if self._is_other_music(arrival, look) or is_original(self._history, known, arrival.path, arrival.stamp):
            return None
        change = change_in_words(look.places, wrote, "it ")
        return Decision(Outcome.KEPT, f"genred wrote {', '.join(wrote)} and a person {change}")

    def _wrote(self, arrival: Arrival) -> tuple[str, ...] | None:
        if arrival.known is None or arrival.known.wrote is None:
            return None
        return self._history.files.genres_written(arrival.known.path)

    def _is_own(self, arrival: Arrival, look: Analysis) -> bool:
        """Return whether a file names the genres that genred wrote, and no others."""
        wrote = self._wrote(arrival)
        return wrote is not None and is_said(look.places, wrote, self._separator)

    def _is_other_music(self, arrival: Arrival, look: Analysis) -> bool:
        """Return whether other music took the name of a file that was heard, like the next disc's track 1."""
        if look.features is None or arrival.known is None:
            return False
        version, vector = look.features
        name = arrival.known.path
        before = self._history.features_of([name], version).get(name, vector)
        return not sounds_alike(before, vector)
