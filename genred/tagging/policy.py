"""The decision about a file, from the genres in its tags and from its sound; pure."""

from collections.abc import Sequence
from dataclasses import dataclass
from itertools import islice

from genred.analysis import Ask
from genred.config import Config
from genred.genres import Place, Vocabulary, is_generic, said
from genred.history.records import Outcome
from genred.model.prediction import Prediction


@dataclass(frozen=True, slots=True)
class Decision:
    """A decision about a file, before anything is done about it."""

    outcome: Outcome
    reason: str
    written: tuple[str, ...] = ()
    """The whole list of genres that the file is to have; empty if the file is left as it is."""


@dataclass(frozen=True)
class Policy:
    """The rules for when to write a genre, and which one; pure.

    Parameters
    ----------
    mode, max_genres
        Both as in the configuration's ``[tags]``.
    vocabulary
        The user's own words.
    """

    mode: str
    max_genres: int
    vocabulary: Vocabulary

    @classmethod
    def of(cls, config: Config) -> "Policy":
        return cls(config.tags.mode, config.tags.max_genres, config.vocabulary)

    @property
    def ask(self) -> Ask:
        """The questions that the workers are to answer about a file."""
        return Ask.MISSING if self.mode == "keep" else Ask.BOTH

    def by_tags(self, there: Sequence[str]) -> Decision | None:
        """Decide about a file by its genres alone; None if it is to be heard."""
        unheard = self.ask is Ask.MISSING and not all(map(is_generic, there))
        return self.decide(there, None) if unheard else None

    def decide(self, there: Sequence[str], prediction: Prediction | None, word: str | None = None) -> Decision:
        """Decide about a file.

        Parameters
        ----------
        there
            The genres that the file has.
        prediction
            None if nobody listened to the file.
        word
            The word to write for the genre of the prediction, where the owner of the music has one.
        """
        said = [name for name in there if not is_generic(name)]
        if prediction is None:
            return Decision(Outcome.KEPT, f"it has a genre already: {', '.join(said)}")
        if prediction.genre is None:
            return Decision(Outcome.ABSTAINED, prediction.reason)
        words = tuple(islice(self.vocabulary.chain(prediction.genre), self.max_genres))
        if not words:
            return Decision(Outcome.ABSTAINED, f"{prediction.genre} is not in genres.whitelist")
        if word is not None and self.vocabulary.allows(prediction.genre):
            words = (word, *(other for other in words[1:] if other != word))
        reason = self._reason(prediction.genre, words[0], prediction.reason)
        if self.mode == "off":
            return Decision(Outcome.KEPT, f'{reason}; not written, since tags.mode is "off"')
        if self.mode == "keep" and said:
            return Decision(Outcome.KEPT, f"it has a genre already: {', '.join(said)}")
        if self.mode == "merge":
            return self._merged(said, words, reason)
        if tuple(there) == words:
            return Decision(Outcome.KEPT, f"it says {', '.join(words)} already")
        return Decision(Outcome.TAGGED, reason, words)

    def _reason(self, genre: str, word: str, reason: str) -> str:
        """Return the reason for a word, which is another one than the genre's name, or the name of a genre above it."""
        if not self.vocabulary.allows(genre):
            return f"{reason}; genres.whitelist has {word}"
        return reason if word == genre else f"{word} ({genre}): {reason.removeprefix(f'{genre}: ')}"

    def _merged(self, said: Sequence[str], words: Sequence[str], reason: str) -> Decision:
        """Decide about adding words to those that a file has."""
        there = [part for name in said for part in self.vocabulary.split(name)]
        meant = set(map(self.vocabulary.canonical, there))
        more = [word for word in words if self.vocabulary.canonical(word) not in meant]
        if not more:
            return Decision(Outcome.KEPT, f"it says {', '.join(words)} already")
        if len(there) >= self.max_genres:
            return Decision(Outcome.KEPT, f"it has as many genres as tags.max_genres allows: {', '.join(said)}")
        return Decision(Outcome.TAGGED, reason, (*said, *more[: self.max_genres - len(there)]))


def change_in_words(places: Sequence[Place], wrote: Sequence[str], it: str = "") -> str:
    """Return what became of the genres that genred wrote, in words."""
    there = said(places)
    if not there:
        return f"removed {it}".strip()
    return f"removed {it}from {places[0].where}" if set(there) <= set(wrote) else f"changed {it}to {', '.join(there)}"
