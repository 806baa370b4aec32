"""What the three programs share: where the hub is, and how an answer of it is read."""
import os
import sys

import socketio

URL = os.environ.get("GLEITZEIT_HUB", "http://127.0.0.1:7400")
TOKEN = os.environ.get("GLEITZEIT_TOKEN")


class Refused(Exception):
    """The hub refused a request; `code` is one of the error codes."""

    def __init__(self, error):
        super().__init__(f"{error['message']} ({error['code']})")
        self.code = error["code"]
        self.retryable = error.get("retryable", False)


def value_of(answer):
    """The answer to a request, or why there is none."""
    if answer["ok"]:
        return answer
    raise Refused(answer["error"])


def connect(client, namespace):
    """Connects; later the client connects again by itself, with delays that grow."""
    try:
        client.connect(URL, auth={"token": TOKEN} if TOKEN else None, namespaces=[namespace], transports=["websocket"])
    except socketio.exceptions.ConnectionError as error:
        sys.exit(f"no connection to the hub at {URL}: {error}")
