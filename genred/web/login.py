"""Log in and out, and tell scripts what they need to change something."""

from starlette.requests import Request
from starlette.responses import JSONResponse, Response

from genred.web import http
from genred.web.door import SESSION_SECONDS, Door, TooManyTriesError, new_session
from genred.web.guard import cookie


def door(request: Request) -> Door:
    """Return what knows who may come in."""
    found: Door = request.app.state.door
    return found


def show(request: Request) -> Response:
    """Answer with the form that asks for the password."""
    return _form(request, http.first(http.query(request), "next", "/"))


def log_in(request: Request) -> Response:
    """Give who knows the password a new session."""
    goes_on, who = http.first(http.form(request), "next", "/"), http.visit(request)
    try:
        session = door(request).admit(http.first(http.form(request), "password"), who.address)
    except TooManyTriesError as error:
        return _form(request, goes_on, f"{error}".capitalize() + ".", 429, {"Retry-After": f"{error.seconds:.0f}"})
    if session is None:
        return _form(request, goes_on, "That is not the password.", 403)
    return _sent(request, http.inside(goes_on), session, SESSION_SECONDS)


def log_out(request: Request) -> Response:
    """Forget the session, here and in the browser."""
    door(request).leave(http.visit(request).session)
    return _sent(request, "/login", new_session())


def session(request: Request) -> Response:
    """Answer with the token that a change must carry in the header X-CSRF-Token."""
    who = http.visit(request)
    return JSONResponse({"token": who.token, "password": who.is_locked})


def _sent(request: Request, url: str, session: str, seconds: int | None = None) -> Response:
    answer = http.see_other(url)
    web = http.site(request).config.web
    answer.headers["Set-Cookie"] = cookie(web, session, request.headers, seconds=seconds)
    return answer


def _form(
    request: Request, goes_on: str, wrong: str = "", status: int = 200, headers: dict[str, str] | None = None
) -> Response:
    answer = http.page(request, "login.html", status=status, goes_on=goes_on, wrong=wrong)
    answer.headers.update(headers or {})
    return answer
