"""What may come from a broker into which enforcers can push anything: one string, the text of an envelope.

Of a message nothing else survives: the task, its options and the delivery tag are ours. So callbacks, other tasks,
pickles, compression bombs, times to run at and stolen delivery tags have nothing to stand on.
"""

import base64
import binascii
import json
import uuid

from enforcer.contract.redis_names import INGEST_TASK
from enforcer.contract.strict_json import JsonObject, JsonValue

MAX_TEXT = 12 * 1024 * 1024  # an envelope is at most 8 MiB, a third more in base64


class NotAdmittedError(ValueError):
    """The message is not a batch handed to the one task; the text says what is wrong and holds nothing of it."""


def envelope_text(message: JsonValue) -> str:
    """The one argument of a Celery message (protocol 2, JSON, base64); raises `NotAdmittedError`."""
    if not isinstance(message, dict):
        raise NotAdmittedError("not an object")
    headers, properties = message.get("headers"), message.get("properties")
    if not isinstance(headers, dict) or headers.get("task") != INGEST_TASK:
        raise NotAdmittedError(f"not for {INGEST_TASK}")
    if not isinstance(properties, dict) or properties.get("body_encoding") != "base64":
        raise NotAdmittedError("its body is not base64")
    return _only_argument(_body(message.get("body")))


def clean_message(text: str, queue: str) -> JsonObject:
    """The message that Celery gets instead."""
    id_ = str(uuid.uuid4())
    return {
        "body": base64.b64encode(json.dumps([[text], {}, {}]).encode()).decode(),
        "content-encoding": "utf-8",
        "content-type": "application/json",
        "headers": {"lang": "py", "task": INGEST_TASK, "id": id_, "root_id": id_},
        "properties": {
            "correlation_id": id_,
            "delivery_mode": 2,
            "delivery_info": {"exchange": "", "routing_key": queue},
            "priority": 0,
            "body_encoding": "base64",
            "delivery_tag": str(uuid.uuid4()),
        },
    }


def _body(body: JsonValue) -> JsonValue:
    if not isinstance(body, str) or len(body) > 2 * MAX_TEXT:
        raise NotAdmittedError("its body is no text, or too long")
    try:
        value: JsonValue = json.loads(base64.b64decode(body, validate=True))
    except (binascii.Error, ValueError, RecursionError):
        raise NotAdmittedError("its body is not JSON in base64") from None
    return value


def _only_argument(body: JsonValue) -> str:
    arguments = body[0] if isinstance(body, list) and body else None
    if not isinstance(arguments, list) or len(arguments) != 1:
        raise NotAdmittedError("its body has not one argument")
    text = arguments[0]
    if not isinstance(text, str) or len(text) > MAX_TEXT:
        raise NotAdmittedError("its argument is no text, or too long")
    return text
