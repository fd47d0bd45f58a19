"""Requests of GrpcFeatureServer, made with Feast's own classes: testdata/listen.txt, which
`build/feast/bin/python serve/feast/testdata/listen.py > serve/feast/testdata/listen.txt`
makes anew. A case is three lines: name and method; the message as text; and in hex."""
import importlib.util
import sys
import types

# Feast's classes of messages without the rest of Feast, which takes seconds to load.
where = importlib.util.find_spec("feast").submodule_search_locations
sys.modules["feast"] = types.ModuleType("feast")
sys.modules["feast"].__path__ = list(where)

from google.protobuf import text_format
from feast.protos.feast.serving.GrpcServer_pb2 import PushRequest, WriteToOnlineStoreRequest
from feast.protos.feast.serving.ServingService_pb2 import GetOnlineFeaturesRequest

DAY = 1700006400  # 2023-11-15T00:00:00Z
CASES = {
    "text": ("Push", dict(
        features={"driver_id": "1001", "live": "0.5", "count": "7", "event_timestamp": "2026-11-22T11:00:00Z"},
        stream_feature_view="driver_push", to="online")),
    "text_exponent": ("Push", dict(
        features={"driver_id": "1002", "live": "-1e-3", "count": "9007199254740993", "event_timestamp": "2026-11-22 11:00:00.5"},
        stream_feature_view="driver_push")),
    "typed": ("Push", dict(
        typed_features={"driver_id": {"int64_val": 1003}, "live": {"float_val": 0.25}, "count": {"null_val": 0},
                        "event_timestamp": {"unix_timestamp_val": DAY}, "created": {"string_val": "2026-11-22T11:00:01Z"}},
        stream_feature_view="driver_push", to="online")),
    "typed_unset_is_null": ("WriteToOnlineStore", dict(
        typed_features={"driver_id": {"int32_val": 1004}, "live": {}, "count": {"int64_val": 4},
                        "event_timestamp": {"string_val": "2026-11-22T11:00:00Z"}},
        feature_view_name="pushed_stats")),
    "every_type": ("WriteToOnlineStore", dict(
        typed_features={"driver_id": {"string_val": "1005"}, "i32": {"int32_val": -1}, "b": {"bytes_val": b"\x00\xff"},
                        "ts": {"unix_timestamp_val": DAY}, "fl": {"float_list_val": {"val": [0.5, -1]}},
                        "sl": {"string_list_val": {"val": ["a", ""]}}, "nanf": {"double_val": 2}, "inff": {"double_val": float("inf")},
                        "big": {"int64_val": -2 ** 63}, "conv_rate": {"null_val": 0},
                        "event_timestamp": {"string_val": "2026-11-22T11:00:00Z"}},
        feature_view_name="type_stats")),
    "list_of_values": ("WriteToOnlineStore", dict(
        typed_features={"driver_id": {"int64_val": 1006}, "i32": {}, "b": {}, "ts": {}, "fl": {"list_val": {"val": [{"float_val": 1}, {}, {"int32_val": 3}]}},
                        "sl": {"list_val": {"val": []}}, "nanf": {}, "inff": {}, "big": {}, "conv_rate": {},
                        "event_timestamp": {"string_val": "2026-11-22T11:00:00Z"}},
        feature_view_name="type_stats")),
    "older_loses": ("Push", dict(
        features={"driver_id": "1001", "live": "0.75", "count": "8", "event_timestamp": "2026-11-22T10:59:59Z"},
        stream_feature_view="driver_push", to="online")),
    "read": ("GetOnlineFeatures", dict(
        features={"val": ["pushed_stats:live", "pushed_stats:count"]},
        entities={"driver_id": {"val": [{"int64_val": 1001}, {"int64_val": 5}]}})),
    "unknown_source": ("Push", dict(features={"driver_id": "1"}, stream_feature_view="none", to="online")),
    "unknown_view": ("WriteToOnlineStore", dict(features={"driver_id": "1"}, feature_view_name="none")),
    "offline": ("Push", dict(features={"driver_id": "1"}, stream_feature_view="driver_push", to="offline")),
    "bad_to": ("Push", dict(features={"driver_id": "1"}, stream_feature_view="driver_push", to="nowhere")),
    "both": ("Push", dict(features={"driver_id": "1"}, typed_features={"driver_id": {"int64_val": 1}}, stream_feature_view="driver_push")),
    "missing_column": ("Push", dict(features={"driver_id": "1", "live": "1", "event_timestamp": "2026-11-22T11:00:00Z"}, stream_feature_view="driver_push")),
    "null_key": ("Push", dict(
        typed_features={"driver_id": {}, "live": {}, "count": {}, "event_timestamp": {"string_val": "2026-11-22T11:00:00Z"}},
        stream_feature_view="driver_push")),
    "wrong_text": ("Push", dict(
        features={"driver_id": "1001", "live": "0.5x", "count": "7", "event_timestamp": "2026-11-22T11:00:00Z"}, stream_feature_view="driver_push")),
    "wrong_type": ("Push", dict(
        typed_features={"driver_id": {"int64_val": 1}, "live": {"string_list_val": {"val": ["a"]}}, "count": {}, "event_timestamp": {"string_val": "2026-11-22T11:00:00Z"}},
        stream_feature_view="driver_push")),
    "wrong_element": ("WriteToOnlineStore", dict(
        typed_features={"driver_id": {"int64_val": 1007}, "i32": {}, "b": {}, "ts": {}, "fl": {"bool_list_val": {"val": [True]}},
                        "sl": {}, "nanf": {}, "inff": {}, "big": {}, "conv_rate": {}, "event_timestamp": {"string_val": "2026-11-22T11:00:00Z"}},
        feature_view_name="type_stats")),
    "no_time": ("Push", dict(
        typed_features={"driver_id": {"int64_val": 1}, "live": {}, "count": {}, "event_timestamp": {}}, stream_feature_view="driver_push")),
    "empty": ("Push", {}),
}
REQUESTS = {"Push": PushRequest, "WriteToOnlineStore": WriteToOnlineStoreRequest, "GetOnlineFeatures": GetOnlineFeaturesRequest}

for name, (method, fields) in CASES.items():
    message = REQUESTS[method](**fields)
    print(name, method)
    print(text_format.MessageToString(message, as_one_line=True))
    print(message.SerializeToString(deterministic=True).hex())
