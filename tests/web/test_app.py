"""The frame of all pages."""

from starlette.testclient import TestClient


def test_its_health_is_told_without_a_page(client: TestClient) -> None:
    answer = client.get("/healthz")
    assert (answer.status_code, answer.text) == (200, "ok\n")


def test_a_page_says_where_it_is(client: TestClient) -> None:
    answer = client.get("/")
    assert answer.status_code == 200
    assert '<a href="/" aria-current="page">' in answer.text
    assert "400 files" in answer.text


def test_what_is_not_there_is_told_in_a_page(client: TestClient) -> None:
    answer = client.get("/<script>")
    assert answer.status_code == 404
    assert "<script>" not in answer.text
