#!/usr/bin/env python3
"""A worker for Gleitzeit with nothing but python3-socketio: counts words.

It runs the tasks of protocol words/v1, keeps what it runs over a broken connection or a restart of the hub, reports
again what was not answered, and on SIGTERM finishes what it runs before it leaves.

    GLEITZEIT_HUB=http://127.0.0.1:7400 GLEITZEIT_TOKEN=... python3 worker.py
"""
import json
import os
import signal
import socket
import sys
import threading
import time
import uuid

import socketio

from hub import Refused, connect, value_of

POOL = "/pool"
WORKER = os.environ.get("WORKER_ID", f"python-{socket.gethostname()}-{os.getpid()}")
INSTANCE = uuid.uuid4().hex  # tells this process from a later one under the same id


class TooLarge(Exception):
    """A result has no room in a message to the hub."""


def count_words(params, is_aborted):
    words = params["text"].split()
    if is_aborted.wait(params.get("seconds", 0)):  # stands for work that takes its time
        raise RuntimeError("aborted")
    if not words:
        # Not worth another attempt: the same text has the same words.
        raise ValueError("there is no word in it")
    return {"words": len(words), "longest": max(words, key=len)}


METHODS = {"words/count": count_words}

client = socketio.Client()
lock = threading.Lock()
held = {}  # what runs, and what has run and is not reported yet, by lease
terms = {"heartbeatMs": 1000, "messageBytes": 12 * 2**20}
ENVELOPE_BYTES = 16 * 1024  # room for the ids of a report
is_leaving = threading.Event()
is_told = threading.Event()  # the hub knows that this worker leaves


def ask(name, data):
    return value_of(client.call(name, data, namespace=POOL, timeout=30))


def register():
    with lock:
        leases = [held[lease]["ref"] for lease in held if not held[lease]["is_aborted"].is_set()]
    answer = ask(
        "worker:register",
        {"workerId": WORKER, "protocol": "words/v1", "methods": list(METHODS), "slots": 4, "instance": INSTANCE, "leases": leases},
    )
    terms.update(answer)
    for lease in answer["lost"]:
        abort(lease)
        with lock:
            if held.get(lease, {}).get("report") is not None:
                del held[lease]  # nobody waits for it any more
    with lock:
        unreported = [each for each in held.values() if each["report"] is not None]
    for each in unreported:
        report(each)
    print(f"registered as {WORKER}", flush=True)


def report(each):
    """Reports an attempt; one that is not answered is reported again on the next connection."""
    name, data = each["report"]
    try:
        answer = ask(name, data)
        if not answer["accepted"]:
            print(f"{data['taskId']}: the report does not count: {answer['reason']}", flush=True)
    except Refused as error:
        if error.retryable:
            return
        print(f"{data['taskId']}: the report is refused: {error}", flush=True)
    except socketio.exceptions.SocketIOError:
        return
    with lock:
        held.pop(data["leaseId"], None)


def check_size(result):
    """A message that is larger than the hub takes would end the connection, and never be read."""
    size = len(json.dumps(result, separators=(",", ":")))  # as it is sent: with nothing but ASCII
    most = max(terms["messageBytes"] - ENVELOPE_BYTES, terms["messageBytes"] // 2)
    if size >= most:
        raise TooLarge(f"The result is {size} bytes of JSON text, more than the {most} that a report to the hub has room for")


def run(task, each):
    try:
        result = METHODS[task["method"]](task["params"], each["is_aborted"])
        check_size(result)
        each["report"] = ("attempt:succeeded", {**each["ref"], "result": result})
    except TooLarge as error:  # another attempt would return as much
        failure = {"code": "TASK_RESULT_INVALID", "message": str(error), "retryable": False}
        each["report"] = ("attempt:failed", {**each["ref"], "error": failure})
    except Exception as error:  # whatever a method throws is its failure
        failure = {"code": "TASK_EXECUTION_FAILED", "message": str(error), "retryable": not isinstance(error, ValueError)}
        each["report"] = ("attempt:failed", {**each["ref"], "error": failure})
    report(each)


def abort(lease):
    with lock:
        each = held.get(lease)
    if each is not None:
        each["is_aborted"].set()


@client.on("connect", namespace=POOL)
def on_connect():
    try:
        register()
    except (Refused, socketio.exceptions.SocketIOError) as error:
        print(f"not registered: {error}", flush=True)


@client.on("task:execute", namespace=POOL)
def on_execute(task):
    ref = {name: task[name] for name in ("leaseId", "workflowId", "taskId", "attempt")}
    with lock:
        if task["leaseId"] in held:
            return
        each = held[task["leaseId"]] = {"ref": ref, "is_aborted": threading.Event(), "report": None}
    threading.Thread(target=run, args=(task, each), daemon=True).start()


@client.on("task:abort", namespace=POOL)
def on_abort(message):
    abort(message["leaseId"])


def beat():
    """One message for everything that runs; without it the hub gives the tasks to somebody else."""
    while True:
        time.sleep(terms["heartbeatMs"] / 1000)
        with lock:
            leases = [lease for lease, each in held.items() if not each["is_aborted"].is_set()]
        try:
            for lease in ask("worker:heartbeat", {"leases": leases})["lost"]:
                abort(lease)
        except (Refused, socketio.exceptions.SocketIOError):
            pass  # the connection comes back by itself, and with it the registration


def leave():
    is_leaving.wait()
    try:
        ask("worker:drain", {"reason": "SIGTERM"})
    except (Refused, socketio.exceptions.SocketIOError):
        pass
    while held:
        time.sleep(0.05)
    client.disconnect()
    is_told.set()


def main():
    for number in (signal.SIGTERM, signal.SIGINT):
        signal.signal(number, lambda *_: is_leaving.set())
    connect(client, POOL)
    threading.Thread(target=beat, daemon=True).start()
    threading.Thread(target=leave, daemon=True).start()
    while not is_told.wait(0.2):  # in pieces, so that signals are heard
        pass
    print("left", flush=True)


if __name__ == "__main__":
    sys.exit(main())
