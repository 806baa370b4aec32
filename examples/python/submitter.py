#!/usr/bin/env python3
"""Submits a workflow to a hub with nothing but python3-socketio, waits for its result and prints it.

    GLEITZEIT_HUB=http://127.0.0.1:7400 GLEITZEIT_TOKEN=... python3 submitter.py ["some text" ...]
"""
import json
import sys

import socketio

from hub import Refused, connect, value_of

ENGINE = "/engine"


def definition_of(texts):
    return {
        "name": "Words in Python",
        "input": {"texts": texts},
        "tasks": [
            {"id": "each", "method": "words/count", "for_each": "${input.texts}", "parameters": {"text": "${item}"}},
            {"id": "echo", "method": "core/echo", "parameters": {"counted": "${each}"}},
        ],
        "output": {"counted": "${echo.counted}"},
    }


def main():
    texts = sys.argv[1:] or ["so much depends", "upon a red wheel barrow"]
    client = socketio.Client()
    connect(client, ENGINE)
    try:
        ask = lambda name, data, timeout=30: value_of(client.call(name, data, namespace=ENGINE, timeout=timeout))
        workflow_id = ask("workflow:submit", {"definition": definition_of(texts)})["workflowId"]
        print(f"submitted {workflow_id}", file=sys.stderr, flush=True)
        result = ask("workflow:result", {"workflowId": workflow_id}, timeout=3600)["result"]
    except Refused as error:
        sys.exit(f"the hub refuses: {error}")
    finally:
        client.disconnect()
    print(json.dumps({"workflowId": workflow_id, "status": result["status"], "output": result.get("output")}))
    return 0 if result["status"] == "completed" else 1


if __name__ == "__main__":
    sys.exit(main())
