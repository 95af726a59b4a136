"""The review as people use it: with keys alone, by touch on a phone, and without JavaScript."""

from pathlib import Path

from playwright.sync_api import Page, expect

from genred import tags
from genred.config import Config
from genred.web.render import ref
from tests.web.browser.conftest import Visit

LEAST = 44
"""Pixels that a thumb needs."""


def songs(config: Config, artist: str, album: str = "") -> list[Path]:
    folder = config.watch.directories[0] / artist / album
    return sorted(path for path in folder.iterdir() if path.suffix == ".flac")


def genres(paths: list[Path]) -> list[list[str]]:
    return [tags.read_genres(path) for path in paths]


def at(path: Path) -> str:
    return f"/review/album?path={ref(path)}"


def focused(page: Page) -> str:
    """Return the id of what has the focus."""
    return str(page.evaluate("document.activeElement.id"))


def test_with_keys_alone(shelved: tuple[Config, str], visit: Visit) -> None:
    """Accept for one track, choose for the rest, undo both, and skip: each key does what the help says of it."""
    found = songs(shelved[0], "Kestrel Engine", "Voltage Season")
    page = visit("/review")
    page.get_by_role("link", name="Voltage Season").focus()
    page.keyboard.press("Enter")
    expect(page.get_by_role("heading", level=1)).to_have_text("Voltage Season")
    assert focused(page) == "card-1"

    page.keyboard.press("?")
    expect(page.get_by_role("dialog")).to_be_visible()
    page.keyboard.press("Escape")
    page.keyboard.press("a")
    assert focused(page) == "card-2"
    page.keyboard.press("j")
    assert focused(page) == "card-3"
    page.keyboard.press("k")
    page.keyboard.press("Enter")
    told = page.get_by_role("status")
    expect(told).to_have_text("Wrote Electronic: 1 file.")
    assert genres(found) == [["Electronic"], [], [], []]
    assert focused(page) == "card-1"

    page.keyboard.press("g")
    page.keyboard.type("Electro")
    page.keyboard.press("Escape")
    assert focused(page) == "card-1"
    page.keyboard.press("2")
    expect(told).to_have_text("Wrote Ambient: 3 files.")
    assert genres(found) == [["Electronic"], ["Ambient"], ["Ambient"], ["Ambient"]]
    expect(page.get_by_role("heading", level=1)).to_have_text("Low Tide Letters")
    page.keyboard.press("u")
    expect(told).to_have_text("Taken back, and open again: 3 files.")
    assert genres(found) == [["Electronic"], [], [], []]
    page.keyboard.press("s")
    expect(told).to_have_text("Skipped: 3 files.")
    expect(page.get_by_role("heading", level=1)).to_have_text("Low Tide Letters")
    page.keyboard.press("n")
    expect(page.get_by_role("heading", level=1)).to_have_text("Rooms Without Doors")


def test_another_genre_is_completed_and_confirmed(shelved: tuple[Config, str], visit: Visit) -> None:
    """By key g and Enter; a slip is asked about, and its answer is a key again."""
    found = songs(shelved[0], "Sister Cartography", "Unmapped")
    page = visit(at(found[0]))
    assert page.locator('#genres option[value="Synthwave"]').count() == 1
    page.keyboard.press("g")
    page.keyboard.type("Synthwav")
    page.keyboard.press("Enter")
    expect(page.get_by_role("heading", level=1)).to_have_text("Synthwav is a new genre here. Did you mean Synthwave?")
    assert focused(page) == "card-1"
    page.keyboard.press("1")
    expect(page.get_by_role("status")).to_have_text("Wrote Synthwave: 3 files.")
    assert genres(found) == [["Synthwave"]] * 3


def test_by_touch_on_a_phone(shelved: tuple[Config, str], visit: Visit) -> None:
    """Every target is large enough, nothing is wider than the screen, and one tap answers."""
    found = songs(shelved[0], "Ninth Avenue Quartet", "Rooms Without Doors")[:5]
    page = visit(at(found[0]), width=390, scheme="dark")
    page.locator("summary", has_text="02 A Chair for Ida").tap()
    boxes = [it.bounding_box() for it in page.locator("#review :is(button, input, summary, .onward a)").all()]
    sizes = [(box["width"], box["height"]) for box in boxes if box is not None and box["width"] > 1]
    assert len(sizes) > 15
    assert min(height for _, height in sizes) >= LEAST
    assert min(width for width, _ in sizes) >= LEAST
    assert page.evaluate("document.documentElement.scrollWidth") <= 390
    page.locator("#card-3").get_by_role("button", name="Cool Jazz").tap()
    expect(page.get_by_role("status")).to_have_text("Wrote Cool Jazz: 1 file.")
    assert genres(found) == [[], ["Cool Jazz"], [], [], []]
    page.get_by_role("button", name="Undo").tap()
    expect(page.get_by_role("status")).to_have_text("Taken back, and open again: 1 file.")
    assert genres(found) == [[]] * 5


def test_without_scripts(shelved: tuple[Config, str], visit: Visit) -> None:
    """The same forms: an answer, another genre with a question about it, undo, and a player of the browser's own."""
    found = songs(shelved[0], "The Paper Lions", "Matchbox Weather")
    page = visit("/review", scripts=False)
    page.get_by_role("link", name="Matchbox Weather").click()
    assert page.locator("#card-1 audio[controls]").count() == 1
    assert page.get_by_role("button", name="Play").count() == 0
    page.get_by_label("Another genre", exact=True).first.fill("Garage Rok")
    page.get_by_role("button", name="Write").first.click()
    page.get_by_role("button", name="Yes, Garage Rock").click()
    expect(page.get_by_role("status")).to_have_text("Wrote Garage Rock: 3 files.")
    assert genres(found) == [["Garage Rock"]] * 3
    page.get_by_role("button", name="Undo").click()
    expect(page.get_by_role("heading", level=1)).to_have_text("Matchbox Weather")
    assert genres(found) == [[]] * 3


def test_what_was_heard_plays_and_stops(shelved: tuple[Config, str], visit: Visit) -> None:
    """By key and by button; an answer stops it, and one song plays at a time."""
    found = songs(shelved[0], "Orla Fenn", "Winter Gardens")
    page = visit(at(found[0]))
    with page.expect_response(lambda answer: "/api/excerpt" in answer.url) as answer:
        page.keyboard.press("p")
    assert answer.value.headers["content-type"] == "audio/mpeg"
    first = page.locator("#card-1 .play")
    expect(first).to_have_attribute("aria-pressed", "true")
    page.evaluate("new Promise((moves) => { player.ontimeupdate = () => { if (player.currentTime > 0) moves(); } })")
    page.locator("summary", has_text="01 Glasshouse").click()
    second = page.locator("#card-2 .play")
    second.click()
    expect(first).to_have_attribute("aria-pressed", "false")
    expect(second).to_have_attribute("aria-pressed", "true")
    second.click()
    expect(second).to_have_attribute("aria-pressed", "false")
    assert page.evaluate("player.paused")
    page.keyboard.press("p")
    page.keyboard.press("s")
    expect(page.get_by_role("status")).to_have_text("Skipped: 1 file.")
    assert page.evaluate("player.paused")


def test_what_changed_meanwhile_is_told(shelved: tuple[Config, str], visit: Visit) -> None:
    """In a sentence that is read out, and the file is left alone."""
    found = songs(shelved[0], "Various", "Harbour Lights, Vol. 2")
    page = visit(at(found[0]))
    tags.write_genres(found[1], ["Polka"])
    page.locator("article", has_text="The Paper Lions").get_by_role("button", name="Pop").click()
    said = page.get_by_role("status")
    expect(said).to_contain_text("it was changed or decided about meanwhile, and is left as it is.")
    assert genres(found) == [[], ["Polka"], []]


def test_names_are_texts_whatever_they_hold(shelved: tuple[Config, str], visit: Visit) -> None:
    """Markup and bytes that are no UTF-8: shown, and the file can be answered."""
    found = songs(shelved[0], "Recordings")
    page = visit(at(found[0]))
    row = page.locator("summary", has_text="<b>")
    expect(row).to_contain_text("Caf\\xe9 <b>\"late\" & 'early'.flac")
    row.click()
    page.locator("details[open]").get_by_role("button", name="Spoken").click()
    expect(page.get_by_role("status")).to_contain_text("1 file.")
    assert sorted(map(len, genres(found))) == [0, 1]
