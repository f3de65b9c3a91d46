"""As much of Flask as the documents' examples use: `Flask.route`, `request`, `jsonify`."""

import json
import threading


class _Request(threading.local):
    """The request of this thread."""

    def _begin(self, headers, raw):
        self.headers, self._raw = headers, raw

    def get_data(self, as_text=False):
        return self._raw.decode("utf-8") if as_text else self._raw

    def get_json(self):
        if self.headers.get_content_type() != "application/json":
            raise ValueError("415 Unsupported Media Type")
        return json.loads(self._raw)

    @property
    def json(self):
        return self.get_json()


request = _Request()


class _Json(str):
    """A body that `jsonify` made."""


def jsonify(value):
    return _Json(json.dumps(value))


class Flask:
    def __init__(self, name):
        self._routes = {}

    def route(self, path, methods):
        def register(handler):
            for method in methods:
                self._routes[method, path] = handler
            return handler

        return register

    def handle(self, method, path, headers, raw):
        """What the route for a request answers: status, type, body. An error is 500, as in Flask."""
        handler = self._routes.get((method, path))
        if handler is None:
            return 404, "text/plain", "Not found"
        request._begin(headers, raw)
        try:
            body, status = handler()
        except Exception as error:
            return 500, "text/plain", repr(error)
        kind = "application/json" if isinstance(body, _Json) else "text/html; charset=utf-8"
        return status, kind, body
