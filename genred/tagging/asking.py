"""One question to a person, about one file or about an album, in words: the same wherever it is asked."""

from collections.abc import Sequence
from dataclasses import dataclass

from genred.fs.files import readable
from genred.model.evidence import Kind
from genred.model.prediction import Candidate
from genred.tagging import grounds
from genred.tagging.review import Question, together

_GUESSES = 5
_LEAST = 0.01


@dataclass(frozen=True, slots=True)
class Inquiry:
    """A question about one file, or one question about several that are judged together."""

    questions: tuple[Question, ...]
    """What one answer answers; at least one."""

    @property
    def first(self) -> Question:
        return self.questions[0]

    @property
    def is_whole(self) -> bool:
        """Return whether it is about more than one file."""
        return len(self.questions) > 1

    @property
    def title(self) -> str:
        """The name of the file, or that of the album's part which is asked about."""
        if not self.is_whole:
            return readable(self.first.path.relative_to(self.first.album))
        around, count = self.first.company, len(self.questions)
        return f"the {count} files by {around.artist}" if around.is_by_many else f"the whole album, {count} files"

    @property
    def told(self) -> list[str]:
        """Sentences that tell why it is asked, and what is known of the album."""
        text = self.first.reason
        if self.first.record.written and not self.is_whole:
            text = f"genred wrote {self.first.record.written[0]}: {text}"
        by_artist = [it for it in self.first.grounds if it.kind is Kind.ARTIST]
        around = self.first.company
        return [text, *filter(None, [grounds.said(around), *(grounds.words(it, around) for it in by_artist)])]

    @property
    def guesses(self) -> list[Candidate]:
        """The few genres to choose from, the likeliest first."""
        return [guess for guess in together(self.questions)[:_GUESSES] if guess.probability >= _LEAST]

    @property
    def is_judged(self) -> bool:
        """Return whether the first guess may be accepted in passing: the model has an opinion of one file at least."""
        return any(question.is_judged for question in self.questions)


def beside(first: Question, others: Sequence[Question]) -> Inquiry:
    """Return the question about a file and about all of the others that are judged together with it."""
    return Inquiry((first, *(other for other in others if other is not first and other.is_beside(first))))


def doubt(typed: str, nearest: str) -> str:
    """Return what to ask a person who typed a genre that nobody knows, or no genre; see `review.meant`."""
    if not nearest:
        return f"{typed} counts as no genre. To leave it without one, skip it."
    text = f"{typed} is a new genre here."
    return text if nearest == typed else f"{text} Did you mean {nearest}?"
