"""The page of the service: how it is doing, what can be asked of it."""

from starlette.testclient import TestClient


def test_it_says_that_nobody_is_at_work(client: TestClient) -> None:
    text = client.get("/service").text
    assert "No service is at work" in text
    assert "<h2>The last decisions</h2>" in text
