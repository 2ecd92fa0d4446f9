"""The marking page and its server: on this machine alone, for whoever knows the address with its token."""

from __future__ import annotations

import asyncio
import hmac
import json
import secrets
import webbrowser
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path
from typing import Any

from tornado.httpserver import HTTPServer
from tornado.netutil import bind_sockets
from tornado.web import Application, HTTPError, RequestHandler

from autograder.gradebook.page_html import highlight_code, markdown2html
from autograder.gradebook.session import GradebookError
from autograder.marking.answers import Answers, RefusedError
from autograder.marking.questions import Question

MOST_BODY = 1_000_000  # bytes
_HERE = Path(__file__).parent
# No script but the page's own, and nothing from elsewhere; a link in an answer tells nobody the address here.
_HEADERS = {
    "Content-Security-Policy": "default-src 'none'; script-src 'nonce-{nonce}'; style-src 'unsafe-inline'; "
    "img-src data:; connect-src 'self'; base-uri 'none'; form-action 'none'; frame-ancestors 'none'",
    "Referrer-Policy": "no-referrer",
    "X-Content-Type-Options": "nosniff",
    "Cross-Origin-Opener-Policy": "same-origin",
    "Cache-Control": "no-store",
}


class _Handler(RequestHandler):
    """Answers nobody but the page, which sends the token of its address with each request."""

    def initialize(self, answers: Answers, token: str, port: int) -> None:
        self.answers, self.token = answers, token
        self.hosts = {f"127.0.0.1:{port}", f"localhost:{port}"}

    def set_default_headers(self) -> None:
        self.nonce = secrets.token_urlsafe(16)
        for name, value in _HEADERS.items():
            self.set_header(name, value.format(nonce=self.nonce))

    def prepare(self) -> None:
        """Refuse what comes by another name of this machine, from another page, or without the token."""
        headers = self.request.headers
        host, origin = self.request.host, headers.get("Origin")
        # A page from elsewhere cannot set this header; the page itself is asked for by its address.
        given = headers.get("X-Token") or (self.request.path == "/" and self.get_query_argument("token", ""))
        if host not in self.hosts or origin not in (None, f"http://{host}"):
            raise HTTPError(403, "Expected a request of this page's own.")
        if not hmac.compare_digest(str(given).encode(), self.token.encode()):
            raise HTTPError(403, "Expected the whole address that 'autograder mark' has printed.")

    def write_error(self, status_code: int, **kwargs: Any) -> None:
        error = kwargs.get("exc_info", (None, None))[1]
        why = f"A mistake of ours ({type(error).__name__}); the terminal says more. Nothing was written."
        if isinstance(error, HTTPError):
            why = error.log_message or f"{status_code}"
        elif isinstance(error, (RefusedError, GradebookError)):
            why = str(error)
            self.set_status(error.status if isinstance(error, RefusedError) else 503)
        self.finish({"error": why})

    def log_exception(self, *exc_info: Any) -> None:
        if not isinstance(exc_info[1], (RefusedError, GradebookError, HTTPError)):
            super().log_exception(*exc_info)


class _Page(_Handler):
    def get(self) -> None:
        question = self.answers.question
        model = highlight_code if question.cell.is_code else markdown2html
        self.render(
            str(_HERE / "page.html"),
            nonce=self.nonce,
            question=question,
            asked=markdown2html(question.asked),
            model=model(question.model),
            rubric=[markdown2html(text) for text in question.rubric],
            each=_each(question),
        )


def _each(question: Question) -> str:
    """What is to be given, above the boxes or the field."""
    if not question.points:
        return "Optional, no points"
    one = question.worth(1) if question.rubric else 0
    return f"{'One point' if one == 1 else f'{one:g} points'} for each" if one else "Points"


class _List(_Handler):
    def get(self) -> None:
        self.finish({"rows": self.answers.rows()})


class _One(_Handler):
    def get(self, key: str) -> None:
        self.finish(self.answers.show(key, names=self.get_query_argument("names", "") == "1"))

    def put(self, key: str) -> None:
        try:
            body = json.loads(self.request.body)
            score, ticks, words, seen = body["score"], body["ticks"], body["comment"], body["seen"]
            points = None if score is None else float(score)
            given = [int(tick) for tick in ticks], str(words)
        except (ValueError, KeyError, TypeError) as error:
            raise RefusedError(400, "Expected points as a number, ticks, a comment.") from error
        self.answers.save(key, str(seen), points, *given)
        self.get(key)


def start(answers: Answers) -> tuple[HTTPServer, str]:
    """A server within the running loop, on a free port of this machine; and its address with the token."""
    sockets = bind_sockets(0, "127.0.0.1")
    port, token = sockets[0].getsockname()[1], secrets.token_urlsafe(32)
    given = {"answers": answers, "token": token, "port": port}
    pages = [("/", _Page, given), ("/answers", _List, given), (r"/answers/(\w+)", _One, given)]
    application = Application(pages, log_function=lambda _: None)
    server = HTTPServer(application, max_buffer_size=MOST_BODY)
    server.add_sockets(sockets)
    return server, f"http://127.0.0.1:{port}/?token={token}"


def serve(answers: Answers, *, browser: bool, say: Callable[[str], None]) -> None:
    """Serve the page until Ctrl-C."""

    async def forever() -> None:
        _, address = start(answers)
        say(f"Mark on {address}\nCtrl-C ends it; go on whenever you like.")
        if browser:
            await asyncio.to_thread(webbrowser.open, address)
        await asyncio.Event().wait()

    with suppress(KeyboardInterrupt):
        asyncio.run(forever())
