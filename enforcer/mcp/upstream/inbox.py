"""Which exchange of a child a message belongs to, and the queue in which it waits there."""

import asyncio

from enforcer.contract.strict_json import JsonObject, JsonValue
from enforcer.mcp.upstream.base import FailureKind, UpstreamFailure, UpstreamRequest
from enforcer.mcp.upstream.shape import Kind

_SUBSCRIPTION = "io.modelcontextprotocol/subscriptionId"


class Inbox:
    """What has arrived for one request in flight, within its byte budget."""

    def __init__(self, request: UpstreamRequest) -> None:
        self.request_id = request.message["id"]
        self.progress_token = _meta(request.message).get("progressToken")
        self.limit = request.max_response_bytes
        self.answered = False
        self._left = request.max_response_bytes
        self._queue: asyncio.Queue[JsonObject | UpstreamFailure] = asyncio.Queue()

    def put(self, message: JsonObject, size: int) -> None:
        """Add a message of `size` bytes; over the budget the exchange fails instead."""
        self._left -= size
        if self._left < 0:
            self.fail(UpstreamFailure("invalid", f"more than {self.limit} bytes"))
        elif not self.answered:
            self.answered = "method" not in message
            self._queue.put_nowait(message)

    def fail(self, failure: UpstreamFailure) -> None:
        """Nothing more comes."""
        if not self.answered:
            self.answered = True
            self._queue.put_nowait(failure)

    async def get(self) -> JsonObject:
        """The next message; raises the failure."""
        item = await self._queue.get()
        if isinstance(item, UpstreamFailure):
            raise item
        return item


class Inboxes:
    """All requests in flight of one child, oldest first."""

    def __init__(self) -> None:
        self._by_id: dict[str, Inbox] = {}

    def __len__(self) -> int:
        return len(self._by_id)

    def open(self, request: UpstreamRequest) -> Inbox:
        """Register a request before it is written."""
        inbox = Inbox(request)
        key = str(inbox.request_id)
        if key in self._by_id:
            raise UpstreamFailure("invalid", "this request id is in flight already", sent=False)
        self._by_id[key] = inbox
        return inbox

    def close(self, inbox: Inbox) -> None:
        """Forget a request; what still comes for it is dropped."""
        self._by_id.pop(str(inbox.request_id), None)

    def fail_all(self, kind: FailureKind, detail: str) -> None:
        """For what can't be attributed: all of them belong to one owner, and none may wait for what was lost."""
        for inbox in self._by_id.values():
            inbox.fail(UpstreamFailure(kind, detail))

    @property
    def line_limit(self) -> int:
        """The longest line that anybody here could use; 0 if nobody waits."""
        return max((inbox.limit for inbox in self._by_id.values()), default=0)

    def find(self, kind: Kind, message: JsonObject) -> Inbox | None:
        """Whose message this is. What names nobody goes to the oldest: the child serves one owner alone."""
        if kind in ("response", "error"):
            return self._named(message.get("id"))
        params = message.get("params")
        named = params if isinstance(params, dict) else {}
        if message["method"] == "notifications/progress":
            return self._of_progress(named.get("progressToken"))
        if message["method"] == "notifications/cancelled" and self._named(named.get("requestId")):
            return self._named(named.get("requestId"))
        return self._named(_meta(message).get(_SUBSCRIPTION)) or next(iter(self._by_id.values()), None)

    def _named(self, request_id: JsonValue) -> Inbox | None:
        return self._by_id.get(request_id) if isinstance(request_id, str) else None

    def _of_progress(self, token: JsonValue) -> Inbox | None:
        return next((i for i in self._by_id.values() if token is not None and i.progress_token == token), None)


def _meta(message: JsonObject) -> JsonObject:
    params = message.get("params")
    meta = params.get("_meta") if isinstance(params, dict) else None
    return meta if isinstance(meta, dict) else {}
