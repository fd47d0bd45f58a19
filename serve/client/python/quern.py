"""A client of quern's feature server, in one file: Python 3.9 and its standard library.

    import quern
    client = quern.Client("https://features:6566", token="...")
    table = client.lookup(view="drivers", columns={"driver_id": [1001, 1002]})
    table["rate"]              # a column: a numpy array where numpy is installed, else a list
    table.status("rate")       # ["PRESENT", "NOT_FOUND"]

Values travel as packed tensors (application/x-quern-tensor), so numbers are the server's,
bit for bit, with their types. What is not there is

                        with numpy                          without
    floats              NaN                                 None
    timestamps, dates   NaT, in datetime64[us] or [D]       None, else datetime (UTC) or date
    integers, booleans  masked (numpy.ma), if any is        None
    strings, lists      None, in an array of objects        None

A numpy array of numbers is a view of the reply: nothing is parsed or copied.

Calls that a server is too busy for (429, 503) and broken connections are tried again, within
the time that a call may take. Whatever fails is a QuernError: Refused by the server, with its
code (`quern explain Q607`), Unreachable, or BadReply. A call that makes no sense is a
ValueError or a TypeError.
"""

from __future__ import annotations

import datetime
import http.client
import json
import math
import random
import ssl
import struct
import sys
import threading
import time
import urllib.parse
import zlib
from typing import Any, Dict, Iterable, List, Mapping, NamedTuple, Optional, Sequence, Tuple, Union

try:
    import numpy
except ImportError:  # everything works without it, with lists
    numpy = None  # type: ignore[assignment]

__all__ = ["BadReply", "Client", "QuernError", "Refused", "Table", "Unreachable"]

TENSOR = "application/x-quern-tensor"
MAGIC = b"QTENSOR\x01"
STATUSES = ["INVALID", "PRESENT", "NULL_VALUE", "NOT_FOUND", "OUTSIDE_MAX_AGE"]
ANSWER, FEATURES, KEYS = 1, 2, 3  # kinds of messages
BOOL, INT32, INT64, FLOAT32, FLOAT64, STRING, TIMESTAMP, DATETIME, DATE, LIST = 1, 2, 3, 4, 5, 6, 7, 8, 9, 128
CODES = {BOOL: "?", INT32: "i", INT64: "q", FLOAT32: "f", FLOAT64: "d", TIMESTAMP: "q", DATETIME: "q", DATE: "i"}  # of struct
VALID, VALUES, OFFSETS, BYTES, ELEMENT_VALID, ELEMENT_VALUES, ELEMENT_OFFSETS, ELEMENT_BYTES, STATUS, EVENT = range(1, 11)
NO_TIME = -(1 << 63)
EPOCH = datetime.datetime(1970, 1, 1, tzinfo=datetime.timezone.utc)

Column = Union[Sequence[Any], "numpy.ndarray"]


class QuernError(Exception):
    """A call of the server that failed."""


class Refused(QuernError):
    """The server refused a call.

    status is that of HTTP; code the one in quern's catalogue, or ""; kind Feast's exception,
    or ""; message the server's words; retry_after the seconds after which it may be tried
    again, or 0.
    """

    def __init__(self, status: int, code: str, kind: str, message: str, retry_after: float) -> None:
        super().__init__("the server refused: %s%s (HTTP %d)" % (code and code + ": ", message, status))
        self.status, self.code, self.kind, self.message, self.retry_after = status, code, kind, message, retry_after


class Unreachable(QuernError, ConnectionError):
    """The server did not answer in time, or at all."""


class BadReply(QuernError):
    """What answered is no feature server that this client understands."""


class Table(Dict[str, Any]):
    """Columns by name, in the order asked for.

    rows is how many there are; versions the version of each view that answered; model the
    name, version and digest of the model that computed features of raw rows.
    """

    rows: int = 0
    versions: Dict[str, str]
    model: Dict[str, str]

    def __init__(self) -> None:
        super().__init__()
        self.versions, self.model = {}, {}
        self._views: List[Tuple[bytes, Sequence[int]]] = []  # statuses and event times
        self._of: Dict[str, int] = {}  # the view of each column
        self._there: Dict[str, Optional[Sequence[bool]]] = {}

    def status(self, column: str) -> List[str]:
        """Feast's status of each value: PRESENT, NULL_VALUE, NOT_FOUND or OUTSIDE_MAX_AGE."""
        there = self._there[column]
        states = self._views[self._of[column]][0] if self._views else bytes([1]) * self.rows
        named = [STATUSES[s] if s < len(STATUSES) else STATUSES[0] for s in states]
        if there is not None:
            named = [s if ok or s != "PRESENT" else "NULL_VALUE" for s, ok in zip(named, there)]
        return named

    def events(self, column: str) -> List[Optional[datetime.datetime]]:
        """The event time of each row of a column's view, in UTC; None where there is none."""
        if not self._views:
            return [None] * self.rows
        return [None if t == NO_TIME else instant(t) for t in self._views[self._of[column]][1]]


class Client:
    """A client of one server. It keeps connections open, and threads may share it.

    token is shown with every call. ca is a file of the authorities of https addresses (the
    system's otherwise), cert and key are the files of the client's own certificate. timeout
    is how many seconds a call may take, tries and waits included (more where a reply comes bit
    by bit); retries how often it is tried again, first after wait seconds, then after twice as long each time.
    plain_token=True lets the token go to other machines without TLS.
    """

    def __init__(
        self,
        url: str,
        token: Optional[str] = None,
        ca: Optional[str] = None,
        *,
        cert: Optional[str] = None,
        key: Optional[str] = None,
        timeout: float = 10.0,
        retries: int = 3,
        wait: float = 0.05,
        plain_token: bool = False,
    ) -> None:
        at = urllib.parse.urlsplit(url)
        if at.scheme not in ("http", "https") or not at.hostname or at.query or at.username:
            raise ValueError("%r is no address of a server: http://HOST:PORT or https://HOST:PORT" % url)
        if token and at.scheme == "http" and not plain_token and not _loopback(at.hostname):
            raise ValueError("the token would go to %s in plain text: use https" % at.netloc)
        self.timeout, self.retries, self.wait = timeout, retries, wait
        self._host, self._port, self._path, self._url = at.hostname, at.port, at.path.rstrip("/"), url
        self._headers = {"Authorization": "Bearer " + token} if token else {}
        self._tls: Optional[ssl.SSLContext] = None
        if at.scheme == "https":
            self._tls = ssl.create_default_context(cafile=ca)
            if cert:
                self._tls.load_cert_chain(cert, key)
        self._idle: List[http.client.HTTPConnection] = []
        self._lock = threading.Lock()

    def __enter__(self) -> "Client":
        return self

    def __exit__(self, *_: Any) -> None:
        self.close()

    def close(self) -> None:
        """Closes the connections that are kept open."""
        with self._lock:
            idle, self._idle = self._idle, []
        for connection in idle:
            connection.close()

    def lookup(
        self,
        *,
        view: Optional[str] = None,
        service: Optional[str] = None,
        features: Optional[Sequence[str]] = None,
        rows: Optional[Iterable[Mapping[str, Any]]] = None,
        columns: Optional[Mapping[str, Column]] = None,
        full_feature_names: bool = False,
    ) -> Table:
        """Looks features up: one row for each row of keys, in their order.

        Give one of view (VIEW or VIEW@VERSION: all of its features), service, and features
        (["VIEW:FEATURE", ...]); and the keys as rows, [{"driver_id": 1001}], or as columns,
        {"driver_id": [1001]}. What is not there is no error: see Table.status.
        """
        if sum(x is not None for x in (view, service, features)) != 1:
            raise ValueError("give one of view, service and features")
        schema: Dict[str, Any] = {}
        if features is not None:
            schema["features"] = list(features)
        elif view is not None:
            schema["view"] = view
        else:
            schema["service"] = service
        if full_feature_names:
            schema["full_feature_names"] = True
        keys = _columns(rows, columns)
        table = _read(self._call("POST", "/v1/lookup", _message(KEYS, keys, schema), TENSOR, TENSOR), ANSWER)
        if table.rows != len(next(iter(keys.values()))):
            raise BadReply("the server answered %d rows of %d" % (table.rows, len(next(iter(keys.values())))))
        return table

    def transform(
        self, model: str, *, rows: Optional[Iterable[Mapping[str, Any]]] = None, columns: Optional[Mapping[str, Column]] = None
    ) -> Table:
        """Computes the features of raw rows by a model: the name of a view, VIEW@VERSION, or
        a model that the server has without one. Every column that the model reads is there;
        None is null."""
        body = _json({"columns": _columns(rows, columns)})
        path = "/v1/transform/" + urllib.parse.quote(model, safe="@")
        return _read(self._call("POST", path, body, "application/json", TENSOR), FEATURES)

    def push(
        self,
        view: str,
        *,
        rows: Optional[Iterable[Mapping[str, Any]]] = None,
        columns: Optional[Mapping[str, Column]] = None,
        raw: bool = False,
    ) -> int:
        """Writes rows of a view: keys, all features, and the event time (the view's own column
        of it, or event_timestamp). With raw=True they are rows as the source of the view's
        model has them, and the server computes the features. On return they are durable, and
        later look-ups see them; of two rows of a key the one of the later event time stays.
        Returns how many were written: the recipe's source.where may leave raw rows out."""
        found = {name: _plain(values) for name, values in _columns(rows, columns).items()}
        body = _json({"raw": raw, "rows": [dict(zip(found, values)) for values in zip(*found.values())]})
        text = self._call("POST", "/v1/push/" + urllib.parse.quote(view), body, "application/json", "application/json")
        try:
            return int(json.loads(text)["rows"])
        except (ValueError, KeyError, TypeError) as problem:
            raise BadReply("the reply to a push cannot be read: %r" % text[:200]) from problem

    def health(self) -> bool:
        """Whether the server serves something and takes requests."""
        try:
            self._call("GET", "/health", b"", "", "", retries=0)
        except Refused:
            return False
        return True

    def _call(self, method: str, path: str, body: bytes, kind: str, accept: str, retries: Optional[int] = None) -> bytes:
        """Makes a call, as often as it makes sense, and returns the body of the reply."""
        headers = dict(self._headers)
        if kind:
            headers["Content-Type"] = kind
        if accept:
            headers["Accept"] = accept
        end = time.monotonic() + self.timeout
        retries = self.retries if retries is None else retries
        wait = self.wait
        while True:
            pause = wait * random.uniform(0.5, 1)  # those refused together do not come back together
            try:
                return self._once(method, self._path + path, body, headers, end)
            except Refused as refused:
                if refused.status not in (429, 503) or retries <= 0:
                    raise
                if refused.retry_after:
                    pause = refused.retry_after * random.uniform(1, 1.25)
                if time.monotonic() + pause > end:
                    raise
            except Unreachable:
                if retries <= 0 or time.monotonic() + pause > end:
                    raise
            time.sleep(pause)
            retries, wait = retries - 1, min(2 * wait, 5.0)

    def _once(self, method: str, path: str, body: bytes, headers: Dict[str, str], end: float) -> bytes:
        """Makes a call once."""
        left = end - time.monotonic()
        if left <= 0:
            raise Unreachable("%s did not answer in %g s" % (self._url, self.timeout))
        connection = self._connection(left)
        try:
            connection.request(method, path, body or None, headers)
            reply = connection.getresponse()
            text = reply.read()
        except (OSError, http.client.HTTPException) as problem:
            connection.close()
            self.close()  # those that wait are as old, and mostly broken by the same
            raise Unreachable("%s did not answer: %s" % (self._url, problem or type(problem).__name__)) from problem
        except BaseException:
            connection.close()  # half a reply is in it
            raise
        if reply.will_close:
            connection.close()
        else:
            with self._lock:
                self._idle.append(connection)
        if reply.status != 200:
            raise _refusal(reply, text)
        return text

    def _connection(self, timeout: float) -> http.client.HTTPConnection:
        """A connection that nobody uses."""
        with self._lock:
            connection = self._idle.pop() if self._idle else None
        if connection is None:
            if self._tls:
                return http.client.HTTPSConnection(self._host, self._port, timeout=timeout, context=self._tls)
            return http.client.HTTPConnection(self._host, self._port, timeout=timeout)
        if connection.sock is not None:
            connection.sock.settimeout(timeout)
        return connection


def _loopback(host: str) -> bool:
    return host in ("localhost", "::1") or host.startswith("127.")


def _refusal(reply: http.client.HTTPResponse, text: bytes) -> Refused:
    """Reads the reply to a call that was refused: Feast's form of it, a JSON string that
    holds JSON with class and message, or an object with detail."""
    kind, message = "", ""
    try:
        body = json.loads(text)
        if isinstance(body, str):
            inner = json.loads(body)
            kind, message = str(inner.get("class", "")), str(inner.get("message", ""))
        elif isinstance(body, dict):
            detail = body.get("detail", "")
            message = detail if isinstance(detail, str) else json.dumps(detail)
    except (ValueError, AttributeError):
        message = text[:500].decode("utf-8", "replace").strip()
    after = reply.getheader("Retry-After", "")
    return Refused(reply.status, reply.getheader("Quern-Code", ""), kind, message or reply.reason, float(after) if after.isdigit() else 0.0)


def _columns(rows: Optional[Iterable[Mapping[str, Any]]], columns: Optional[Mapping[str, Column]]) -> Dict[str, Column]:
    """Rows or columns as columns, all of one length."""
    if (rows is None) == (columns is None):
        raise ValueError("give rows or columns")
    if rows is not None:
        listed = list(rows)
        names = list(listed[0]) if listed else []
        for i, row in enumerate(listed):
            if row.keys() != listed[0].keys():
                raise ValueError("row %d has other columns than row 0: %s" % (i, sorted(set(row) ^ set(names))))
        found: Dict[str, Column] = {name: [row[name] for row in listed] for name in names}
    else:
        found = {name: values if hasattr(values, "__len__") else list(values) for name, values in (columns or {}).items()}
    lengths = {len(values) for values in found.values()}
    if len(lengths) != 1 or lengths == {0}:
        raise ValueError("there are no rows" if lengths <= {0} else "columns of different lengths: %s" % {n: len(v) for n, v in found.items()})
    return found


def _json(value: Any) -> bytes:
    """JSON as the server reads it."""
    return json.dumps(_plain(value), allow_nan=False, ensure_ascii=False).encode()


def _plain(x: Any) -> Any:
    """A value as JSON has it: NaN and the infinities as texts, times in ISO 8601."""
    if isinstance(x, dict):
        return {str(k): _plain(v) for k, v in x.items()}
    if numpy is not None:
        if isinstance(x, numpy.ma.MaskedArray):
            return [None if hidden else _plain(v) for v, hidden in zip(x.data, numpy.ma.getmaskarray(x))]
        if isinstance(x, numpy.ndarray) and x.dtype.kind == "M":
            return [None if numpy.isnat(v) else str(v) + ("" if x.dtype == "datetime64[D]" else "Z") for v in x]
        if isinstance(x, numpy.ndarray):
            # float32 in its own fewest digits: as a double it would have others
            return [_plain(float(str(v)) if x.dtype == numpy.float32 else v) for v in (x if x.dtype == numpy.float32 else x.tolist())]
        if isinstance(x, numpy.generic):
            return _plain(x.item())
    if isinstance(x, float) and not math.isfinite(x):
        return "NaN" if x != x else "Infinity" if x > 0 else "-Infinity"
    if isinstance(x, (datetime.datetime, datetime.date)):
        return x.isoformat()
    if x is None or isinstance(x, (str, bool, int, float)):
        return x
    if hasattr(x, "__iter__"):
        return [_plain(v) for v in x]
    raise TypeError("%r is no value of a feature" % (x,))


# Messages: the format is drawn in the documentation of quern's package serve/tensor.


class _Block(NamedTuple):
    role: int
    type: int
    first: int
    columns: int
    body: memoryview


def _pad(n: int) -> int:
    return -n % 64


def _message(kind: int, columns: Mapping[str, Column], schema: Dict[str, Any]) -> bytes:
    """Writes columns as a message. Neighbours of one type share a block."""
    blocks: List[Tuple[int, int, int, int, bytes]] = []
    encoded = [_encode(name, values) for name, values in columns.items()]
    rows, first = len(next(iter(columns.values()))), 0
    while first < len(encoded):
        type_ = encoded[first][0]
        last = first + 1
        while type_ != STRING and last < len(encoded) and encoded[last][0] == type_:
            last += 1
        group = encoded[first:last]
        if type_ == STRING:
            blocks.append((OFFSETS, type_, first, 1, group[0][1]))
            blocks.append((BYTES, 0, first, 1, group[0][2]))
        else:
            blocks.append((VALUES, type_, first, last - first, b"".join(body for _, body, _ in group)))
        first = last
    text = json.dumps(dict(schema, columns=list(columns))).encode()
    table, at = b"", 64 + 32 * len(blocks) + len(text)
    tail = [text]
    for role, type_, first, count, body in blocks:
        tail.append(bytes(_pad(at)))
        at += _pad(at)
        table += struct.pack("<BBHIIIQQ", role, type_, 0, first, count, 0, at, len(body))
        tail.append(body)
        at += len(body)
    tail.append(bytes(_pad(at)))
    head = struct.pack("<8sHHIQIIII20x", MAGIC, kind, 0, rows, at + _pad(at), len(columns), 0, len(blocks), len(text))
    rest = table + b"".join(tail)
    return head + struct.pack("<I", zlib.crc32(rest, zlib.crc32(head))) + rest


def _encode(name: str, values: Column) -> Tuple[int, bytes, bytes]:
    """Type and bytes of a column of keys: integers, strings or booleans, none of them null."""
    if numpy is not None and isinstance(values, numpy.ndarray) and values.dtype.kind in "iub":
        if values.dtype.kind == "b":
            return BOOL, values.astype("?").tobytes(), b""
        if values.dtype == numpy.uint64 and values.size and int(values.max()) > 0x7FFFFFFFFFFFFFFF:
            raise ValueError("key %s has a number beyond 64 bits with a sign" % name)
        return INT64, values.astype("<i8").tobytes(), b""
    listed = [v.item() if hasattr(v, "item") else v for v in values]
    if all(isinstance(v, bool) for v in listed):
        return BOOL, bytes(listed), b""
    if all(isinstance(v, int) and not isinstance(v, bool) for v in listed):
        try:
            return INT64, struct.pack("<%dq" % len(listed), *listed), b""
        except struct.error:
            raise ValueError("key %s has a number beyond 64 bits with a sign" % name) from None
    if all(isinstance(v, str) for v in listed):
        texts = [v.encode() for v in listed]
        ends = [0]
        for text in texts:
            ends.append(ends[-1] + len(text))
        return STRING, struct.pack("<%dI" % len(ends), *ends), b"".join(texts)
    if all(isinstance(v, datetime.datetime) for v in listed):
        return TIMESTAMP, struct.pack("<%dq" % len(listed), *[_micros(v) for v in listed]), b""
    if all(isinstance(v, datetime.date) for v in listed):
        return DATE, struct.pack("<%di" % len(listed), *[v.toordinal() - 719163 for v in listed]), b""
    raise TypeError("key %s: its values are not all integers, strings, booleans, or times" % name)


def _micros(t: datetime.datetime) -> int:
    """Microseconds since 1970; a time without a zone is UTC."""
    gone = (t if t.tzinfo else t.replace(tzinfo=datetime.timezone.utc)) - EPOCH
    return (gone.days * 86400 + gone.seconds) * 1_000_000 + gone.microseconds


def instant(micros: int) -> Optional[datetime.datetime]:
    """A time of microseconds since 1970 in UTC; None beyond the years 1 to 9999."""
    try:
        return EPOCH + datetime.timedelta(microseconds=micros)
    except OverflowError:
        return None


def _read(body: bytes, kind: int) -> Table:
    """Reads a message."""
    try:
        return _Reader(body, kind).table
    except (struct.error, ValueError, KeyError, IndexError, TypeError) as problem:
        raise BadReply("the reply cannot be read: %s" % problem) from problem


class _Reader:
    """Reads a message block by block."""

    def __init__(self, body: bytes, kind: int) -> None:
        magic, is_kind, layout, rows, length, columns, views, blocks, size = struct.unpack_from("<8sHHIQIIII", body)
        (crc,) = struct.unpack_from("<I", body, 60)
        if magic != MAGIC or is_kind != kind or layout != 0 or length != len(body):
            raise ValueError("it is no message of kind %d" % kind)
        if crc != zlib.crc32(memoryview(body)[64:], zlib.crc32(body[:60])):
            raise ValueError("its checksum is another one")
        self.rows, self.at, self.blocks, self.here = rows, 0, blocks, body
        schema = json.loads(body[64 + 32 * blocks : 64 + 32 * blocks + size])
        names = schema["columns"]
        if len(names) != columns:
            raise ValueError("its schema is that of another")
        self.table = table = Table()
        table.rows, table.model = rows, dict(schema.get("model") or {})
        done = 0
        while done < columns:
            done = self.group(names, done)
        if kind == ANSWER:
            table.versions = {v["view"]: v["version"] for v in schema["views"]}
            table._of = dict(zip(names, schema["of"]))
            states, events = self.take(STATUS).body, self.take(EVENT).body
            for i in range(views):
                times = struct.unpack_from("<%dq" % rows, events, 8 * i * rows)
                table._views.append((bytes(states[i * rows : (i + 1) * rows]), times))

    def peek(self) -> int:
        return self.here[64 + 32 * self.at] if self.at < self.blocks else 0

    def take(self, role: int) -> _Block:
        if self.at >= self.blocks:
            raise ValueError("a block is missing")
        is_role, type_, _, first, count, _, at, size = struct.unpack_from("<BBHIIIQQ", self.here, 64 + 32 * self.at)
        if is_role != role or at + size > len(self.here):
            raise ValueError("block %d is another one than %d" % (self.at, role))
        self.at += 1
        return _Block(role, type_, first, count, memoryview(self.here)[at : at + size])

    def group(self, names: List[str], first: int) -> int:
        """Reads the columns that share a block, and returns where they end."""
        valid = self.take(VALID).body if self.peek() == VALID else None
        words = 8 * ((self.rows + 63) // 64)
        role = self.peek()
        block = self.take(role)
        if role not in (VALUES, OFFSETS) or block.first != first or block.columns < 1 or first + block.columns > len(names):
            raise ValueError("the columns from %d on have no values" % first)
        for k in range(block.columns):
            there = None if valid is None else _bits(valid[k * words : (k + 1) * words], self.rows)
            if role == VALUES:
                size = struct.calcsize("<" + CODES[block.type])
                values = _numbers(block.type, block.body[k * self.rows * size : (k + 1) * self.rows * size], there, self.rows)
            elif block.type == STRING:
                values = _objects(_texts(block.body, self.take(BYTES).body, self.rows), there)
            else:
                values = _objects(self.lists(block), there)
            self.table[names[first + k]] = values
            self.table._there[names[first + k]] = there
        return first + block.columns

    def lists(self, block: _Block) -> List[Any]:
        """The lists of a column."""
        ends = struct.unpack("<%dI" % (self.rows + 1), block.body)
        n, there = ends[-1], None
        if self.peek() == ELEMENT_VALID:
            there = _bits(self.take(ELEMENT_VALID).body, n)
        if block.type - LIST == STRING:
            offsets = self.take(ELEMENT_OFFSETS).body
            flat: Any = _texts(offsets, self.take(ELEMENT_BYTES).body, n)
            if there is not None:
                flat = [x if ok else None for x, ok in zip(flat, there)]
        else:
            flat = _numbers(block.type - LIST, self.take(ELEMENT_VALUES).body, there, n)
        return [flat[a:b] for a, b in zip(ends, ends[1:])]


def _bits(body: memoryview, n: int) -> Any:
    """A boolean for each of n values."""
    if numpy is not None:
        return numpy.unpackbits(numpy.frombuffer(body, "u1"), count=n, bitorder="little").astype(bool)
    return [bool(body[i >> 3] >> (i & 7) & 1) for i in range(n)]


def _texts(offsets: memoryview, body: memoryview, n: int) -> List[str]:
    ends = struct.unpack("<%dI" % (n + 1), offsets)
    whole = bytes(body)
    return [whole[a:b].decode("utf-8", "surrogateescape") for a, b in zip(ends, ends[1:])]


def _numbers(type_: int, body: memoryview, there: Any, n: int) -> Any:
    """The values of a column of a fixed size."""
    if numpy is not None:
        values = numpy.frombuffer(body, "<" + {"i": "i4", "q": "i8", "f": "f4", "d": "f8", "?": "?"}[CODES[type_]], n)
        if type_ in (TIMESTAMP, DATETIME, DATE):
            values = values.astype("datetime64[D]") if type_ == DATE else values.view("<M8[us]")
            return values if there is None else numpy.where(there, values, numpy.datetime64("NaT"))
        if there is None or there.all() or type_ in (FLOAT32, FLOAT64):
            return values  # a float that is not there is NaN already
        return numpy.ma.MaskedArray(values, ~there)
    values = list(struct.unpack_from("<%d%s" % (n, CODES[type_]), body))
    if type_ == TIMESTAMP:
        values = [instant(v) for v in values]
    elif type_ == DATETIME:
        values = [t and t.replace(tzinfo=None) for t in map(instant, values)]
    elif type_ == DATE:
        values = [t and t.date() for t in (instant(v * 86_400_000_000) for v in values)]
    return values if there is None else [v if ok else None for v, ok in zip(values, there)]


def _objects(values: List[Any], there: Any) -> Any:
    """Strings or lists, None where there is none."""
    if there is not None:
        values = [v if ok else None for v, ok in zip(values, there)]
    if numpy is None:
        return values
    array = numpy.empty(len(values), object)
    for i, v in enumerate(values):
        array[i] = v
    return array


def _main() -> None:
    """quern.py URL VIEW KEY=VALUE...: prints the features of one entity as JSON."""
    if len(sys.argv) < 4:
        sys.exit(_main.__doc__)
    keys = dict(part.partition("=")[::2] for part in sys.argv[3:])
    row = {k: int(v) if v.lstrip("-").isdigit() else v for k, v in keys.items()}
    table = Client(sys.argv[1]).lookup(view=sys.argv[2], rows=[row])
    print(json.dumps({name: _plain(values)[0] for name, values in table.items()}, ensure_ascii=False))


if __name__ == "__main__":
    _main()
