#!/usr/bin/env python3
"""Watches a hub with nothing but python3-socketio: prints every event of tasks and workflows, each once, also over a
broken connection and a restart of the hub.

    GLEITZEIT_HUB=http://127.0.0.1:7400 GLEITZEIT_TOKEN=... python3 observer.py [--until workflow:completed]
"""
import sys
import threading

import socketio

from hub import Refused, connect, value_of

ENGINE = "/engine"

client = socketio.Client()
lock = threading.Lock()
seen = {"last": None}  # everything up to here was printed
is_over = threading.Event()
until = sys.argv[sys.argv.index("--until") + 1] if "--until" in sys.argv else None


@client.on("connect", namespace=ENGINE)
def on_connect():
    """Asks for the events again on each connection: after the first one, from where the last one broke."""
    with lock:
        resume = {} if seen["last"] is None else {"fromSeq": seen["last"]}
    try:
        answer = value_of(client.call("subscribe", {"types": ["task:*", "workflow:*"], **resume}, namespace=ENGINE, timeout=30))
    except (Refused, socketio.exceptions.SocketIOError) as error:
        print(f"not subscribed: {error}", file=sys.stderr, flush=True)
        return
    note(answer["lastSeq"] if not resume else 0)
    print("subscribed", file=sys.stderr, flush=True)


def note(seq):
    """Events come in their order, but this client hands each of them to a thread of its own."""
    with lock:
        seen["last"] = max(seen["last"] or 0, seq)


@client.on("*", namespace=ENGINE)
def on_event(name, data):
    if name.startswith("subscription:"):
        note(data["seq"])
        return
    about = data["data"].get("taskId") or data["data"].get("workflowId")
    with lock:
        seen["last"] = max(seen["last"] or 0, data["seq"])
        print(f"{data['seq']} {name} {about}", flush=True)
    if name == until:
        is_over.set()


def main():
    connect(client, ENGINE)
    try:
        while not is_over.wait(0.2):
            pass
    except KeyboardInterrupt:
        pass
    client.disconnect()


if __name__ == "__main__":
    main()
