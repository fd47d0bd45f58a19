"""Tests of quern.py against the servers of the Go test that runs them (python_test.go)."""

import datetime
import math
import os
import threading
import unittest

import quern

TOKEN = "0123456789abcdef012345"
URL, STUB, TLS, CA = (os.environ["QUERN_TEST_" + name] for name in ("URL", "STUB", "TLS", "CA"))
KEYS = {"driver_id": [1000, 1001, 1002, 5]}
WANT = ["PRESENT", "NULL_VALUE", "OUTSIDE_MAX_AGE", "NOT_FOUND"]


def plain(column):
    """A column as a list with None where nothing is."""
    if quern.numpy is not None and isinstance(column, quern.numpy.ndarray):
        return [None if v is None or v != v else v for v in column.tolist()]
    return column


class Lookup(unittest.TestCase):
    def setUp(self):
        self.client = quern.Client(URL, token=TOKEN)
        self.addCleanup(self.client.close)

    def test_every_type(self):
        table = self.client.lookup(view="drivers", columns=KEYS)
        self.assertEqual(list(table), ["rate", "trips", "city", "joined", "seen", "active", "recent", "tags"])
        self.assertEqual((table.rows, table.versions), (4, {"drivers": "v1"}))
        for name in table:
            self.assertEqual(table.status(name), WANT, name)
        rate = plain(table["rate"])
        self.assertEqual(rate[1:], [None] * 3)
        self.assertEqual(rate[0], 0.10000000149011612)
        self.assertEqual(plain(table["trips"]), [7, None, None, None])
        self.assertEqual(plain(table["city"]), ['Zürich "1"', None, None, None])
        self.assertEqual(plain(table["joined"]), [datetime.date(2020, 2, 29), None, None, None])
        seen = plain(table["seen"])[0].replace(tzinfo=None)
        self.assertEqual(seen, datetime.datetime(2023, 11, 14, 22, 13, 20, 123456))
        self.assertEqual(plain(table["active"]), [True, None, None, None])
        self.assertEqual([list(x) if x is not None else None for x in table["recent"]], [[math.pi, math.inf], None, None, None])
        self.assertEqual([list(x) if x is not None else None for x in table["tags"]], [[], None, None, None])
        self.assertEqual(table.events("rate")[0], datetime.datetime(2026, 11, 22, 11, tzinfo=datetime.timezone.utc))
        self.assertIsNone(table.events("rate")[3])

    def test_kinds(self):
        table = self.client.lookup(view="drivers", columns=KEYS)
        if quern.numpy is None:
            self.assertIsInstance(table["rate"], list)
            return
        self.assertEqual([str(table[n].dtype) for n in table][:6], ["float32", "int32", "object", "datetime64[D]", "datetime64[us]", "bool"])
        self.assertTrue(quern.numpy.ma.isMaskedArray(table["trips"]))
        self.assertFalse(table["rate"].flags.owndata, "a copy")

    def test_ways_of_asking(self):
        by_row = self.client.lookup(service="pricing", rows=[{"driver_id": 1000}])
        self.assertEqual(list(by_row), ["rate", "city"])
        some = self.client.lookup(features=["drivers:city", "drivers@v1:rate"], columns={"driver_id": range(1000, 1003)})
        self.assertEqual(plain(some["city"]), ['Zürich "1"', None, None])
        full = self.client.lookup(service="pricing", rows=[{"driver_id": 1000}], full_feature_names=True)
        self.assertEqual(list(full), ["drivers__rate", "drivers__city"])
        if quern.numpy is not None:
            for kind in ("int32", "int64", "uint16"):
                table = self.client.lookup(view="drivers", columns={"driver_id": quern.numpy.array([1000, 5], kind)})
                self.assertEqual(table.status("rate"), ["PRESENT", "NOT_FOUND"])
        self.assertTrue(self.client.health())

    def test_threads(self):
        failures = []

        def ask():
            try:
                for _ in range(20):
                    if self.client.lookup(view="drivers", columns=KEYS).status("rate") != WANT:
                        failures.append("wrong")
            except Exception as problem:  # pylint: disable=broad-except
                failures.append(problem)

        threads = [threading.Thread(target=ask) for _ in range(4)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
        self.assertEqual(failures, [])

    def test_refusals(self):
        for code, asked in {
            "Q601": {"view": "none"}, "Q603": {"service": "none"}, "Q604": {"features": ["x"]}, "Q602": {"features": ["drivers:none"]},
        }.items():
            with self.assertRaises(quern.Refused) as caught:
                self.client.lookup(columns={"driver_id": [1]}, **asked)
            self.assertEqual(caught.exception.code, code)
            self.assertIn(code, str(caught.exception))
            self.assertEqual(caught.exception.status // 100, 4)
        with self.assertRaises(quern.Refused) as caught:
            quern.Client(URL, token="x" * 22).lookup(view="drivers", columns=KEYS)
        self.assertEqual(caught.exception.status, 401)

    def test_mistakes(self):
        for asked in (
            {}, {"view": "a"}, {"view": "a", "service": "b", "columns": KEYS}, {"view": "a", "columns": {}}, {"view": "a", "rows": []},
            {"view": "a", "columns": {"a": [1], "b": [1, 2]}}, {"view": "a", "rows": [{"a": 1}, {"b": 1}]},
            {"view": "a", "columns": {"a": [1 << 63]}}, {"view": "a", "columns": {"a": [1.5]}}, {"view": "a", "columns": {"a": [1, "x"]}},
            {"view": "a", "columns": {"a": [None]}},
        ):
            with self.assertRaises((ValueError, TypeError), msg=str(asked)):
                self.client.lookup(**asked)
        for url in ("", "features:6566", "ftp://x", "http://features:6566"):
            with self.assertRaises(ValueError):
                quern.Client(url, token=TOKEN)

    def test_push(self):
        at = datetime.datetime(2026, 11, 22, 12, tzinfo=datetime.timezone.utc)
        gap = None
        row = {"driver_id": 1, "event_timestamp": at, "rate": 0.1, "trips": 7, "city": "ü", "joined": datetime.date(2020, 2, 29),
               "seen": at, "active": True, "recent": [1.0, math.nan, math.inf], "tags": ["a", "b"]}
        written = self.client.push("drivers", rows=[row, dict(row, driver_id=2, rate=math.nan, trips=gap, city=gap, recent=gap)])
        self.assertEqual(written, 2)
        if quern.numpy is not None:
            columns = {k: [v] for k, v in row.items()}
            columns["rate"] = quern.numpy.array([0.1], "float32")
            columns["event_timestamp"] = quern.numpy.array(["2026-11-22T12:00:00"], "datetime64[us]")
            columns["trips"] = quern.numpy.ma.MaskedArray([7], [True])
            self.client.push("drivers", columns=columns)
        with self.assertRaises(quern.Refused):
            self.client.push("drivers", rows=[{"driver_id": 1, "rate": "x", "event_timestamp": at}])
        with self.assertRaises(TypeError):
            self.client.push("drivers", rows=[{"driver_id": object()}])


class Trouble(unittest.TestCase):
    """The stub does what the path says."""

    def test_retries(self):
        quern.Client(STUB + "/busy-twice", wait=0.001).push("v", rows=[{"a": 1}])
        quern.Client(STUB + "/cut-twice", wait=0.001).push("v", rows=[{"a": 1}])
        for path, problem in (("busy", quern.Refused), ("wrong", quern.Refused), ("cut", quern.Unreachable)):
            with self.assertRaises(problem):
                quern.Client(STUB + "/" + path, wait=0.001, retries=1).push("v", rows=[{"a": 1}])
        with self.assertRaises(quern.Refused) as caught:
            quern.Client(STUB + "/later", timeout=5).push("v", rows=[{"a": 1}])
        self.assertEqual(caught.exception.retry_after, 3600)

    def test_silence(self):
        with self.assertRaises(quern.Unreachable):
            quern.Client(STUB + "/silent", timeout=0.05).push("v", rows=[{"a": 1}])
        with self.assertRaises(ConnectionError):
            quern.Client("http://127.0.0.1:1", timeout=0.5).push("v", rows=[{"a": 1}])
        self.assertFalse(quern.Client(STUB + "/wrong").health())

    def test_replies_that_are_none(self):
        for path in ("empty", "half", "text"):
            with self.assertRaises(quern.BadReply):
                quern.Client(STUB + "/" + path).push("v", rows=[{"a": 1}])
            with self.assertRaises(quern.BadReply):
                quern.Client(STUB + "/" + path).lookup(view="v", rows=[{"a": 1}])

    def test_tls(self):
        quern.Client(TLS, ca=CA, token=TOKEN).push("v", rows=[{"a": 1}])
        with self.assertRaises(quern.Unreachable):
            quern.Client(TLS, token=TOKEN, retries=0).push("v", rows=[{"a": 1}])


if __name__ == "__main__":
    unittest.main()
