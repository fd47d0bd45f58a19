"""Feast's SDK, as it is on PyPI, against a running quern serve.

argv: the folder to work in, HOST:PORT of a server that is open to all, HOST:PORT of one
that knows a token, the token, and the fresh event time of the test's rows. Prints a list of
what was checked, with what was found where that is not what was expected.
"""
import json
import os
import sys
import warnings

warnings.filterwarnings("ignore")
os.environ["FEAST_USAGE"] = "False"

import grpc
import pandas as pd
from feast import FeatureService, FeatureStore
from feast.data_source import PushMode, PushSource
from feast.infra.offline_stores.file_source import FileSource
from feast.protos.feast.serving.GrpcServer_pb2 import PushRequest, WriteToOnlineStoreRequest
from feast.protos.feast.serving.GrpcServer_pb2_grpc import GrpcFeatureServerStub
from feast.protos.feast.serving.ServingService_pb2 import GetFeastServingInfoRequest, GetOnlineFeaturesRequest
from feast.protos.feast.serving.ServingService_pb2_grpc import ServingServiceStub
from feast.protos.feast.types.EntityKey_pb2 import EntityKey
from feast.protos.feast.types.Value_pb2 import Value
from feast.repo_config import RepoConfig
from feast.value_type import ValueType

folder, address, guarded, token, fresh = sys.argv[1:]
checks = []


def expect(name, got, want):
    checks.append({"name": name, "ok": got == want, "got": repr(got), "want": repr(want)})


def raises(name, kind, call, says=""):
    try:
        got = call()
    except Exception as e:  # whatever it is, it is reported
        kinds = [c.__name__ for c in type(e).__mro__]
        ok = kind in kinds and says in str(e)
        checks.append({"name": name, "ok": ok, "got": f"{kinds[0]}: {e}", "want": f"{kind}: {says}"})
        return
    checks.append({"name": name, "ok": False, "got": repr(got), "want": kind})


def store(at, **auth):
    return FeatureStore(config=RepoConfig(
        project="conformance", provider="local", entity_key_serialization_version=3,
        registry={"registry_type": "remote", "path": at},
        online_store={"type": "remote", "path": "http://" + at}, **auth))


fs = store(address)


def read(features, rows, full=False, at=fs):
    """The answer as {column: (values, statuses)}."""
    response = at.get_online_features(features=features, entity_rows=rows, full_feature_names=full)
    names = response.proto.metadata.feature_names.val
    values = response.to_dict()
    return {n: (values[n], list(v.statuses)) for n, v in zip(names, response.proto.results)}, response


PRESENT, NULL, MISSING, OLD = 1, 2, 3, 4

# int64 keys, every type, nulls, missing, expired.
every = ["drivers:" + f for f in ("rate", "acc", "trips", "city", "active", "tags", "shape")]
got, response = read(every, [{"driver_id": n} for n in (1001, 1002, 1003, 4)])
states = [PRESENT, NULL, OLD, MISSING]
expect("int64 keys", got, {
    "driver_id": ([1001, 1002, 1003, 4], [PRESENT] * 4),
    "rate": ([0.5, None, None, None], states),
    "acc": ([0.1, None, None, None], states),
    "trips": ([9007199254740993, None, None, None], states),
    "city": (["Zürich", None, None, None], states),
    "active": ([True, None, None, None], states),
    "tags": ([["a", "ß"], None, None, None], states),
    "shape": ([[0.5, -1.0], None, None, None], states),
})
frame = response.to_df()
expect("columns of the frame", list(frame.columns), ["driver_id"] + [f.split(":")[1] for f in every])
expect("rows of the frame", len(frame), 4)
one = read(every, [{"driver_id": 1001}])[1].to_df()
expect("types of the frame", {c: str(t) for c, t in one.dtypes.items()}, {
    "driver_id": "int64", "rate": "float64", "acc": "float64", "trips": "int64", "city": "object",
    "active": "bool", "tags": "object", "shape": "object"})
# get_online_features of the SDK drops event times; the provider's read keeps that of the first row.
view = fs.get_feature_view("drivers")
key = EntityKey(join_keys=["driver_id"], entity_values=[Value(int64_val=1001)])
[(at, values)] = fs._get_provider().online_read(fs.config, view, [key], ["rate", "trips"])
expect("event time", (at, values["rate"].double_val, values["trips"].int64_val), (pd.Timestamp(fresh).to_pydatetime(), 0.5, 9007199254740993))
expect("a data frame of keys", read(["drivers:rate"], {"driver_id": [1001, 4]})[0]["rate"], ([0.5, None], [PRESENT, MISSING]))

# Other keys.
expect("string keys", read(["customers:spend", "customers:tier"], [{"customer_id": c} for c in ("c-ü1", "c2", "")])[0], {
    "customer_id": (["c-ü1", "c2", ""], [PRESENT] * 3),
    "spend": ([12.5, 0.0, None], [PRESENT, PRESENT, MISSING]),
    "tier": (["gold", None, None], [PRESENT, NULL, MISSING])})
expect("int32 keys", read(["zones:load"], [{"zone": z} for z in (-5, 2147483647, 7)])[0], {
    "zone": ([-5, 2147483647, 7], [PRESENT] * 3), "load": ([1, 2, None], [PRESENT, PRESENT, MISSING])})
expect("composite keys", read(["pairs:n"], [
    {"driver_id": 1001, "customer_id": "c-ü1"}, {"driver_id": 1001, "customer_id": "c2"}, {"driver_id": 1002, "customer_id": "c2"}])[0]["n"],
    ([3, 4, None], [PRESENT, PRESENT, MISSING]))
expect("several views", read(["pairs:n", "drivers:city", "customers:tier"], [{"driver_id": 1001, "customer_id": "c-ü1"}])[0], {
    "driver_id": ([1001], [PRESENT]), "customer_id": (["c-ü1"], [PRESENT]),
    "n": ([3], [PRESENT]), "city": (["Zürich"], [PRESENT]), "tier": (["gold"], [PRESENT])})
expect("full names", read(["drivers:rate", "customers:spend"], [{"driver_id": 1001, "customer_id": "c2"}], full=True)[0], {
    "driver_id": ([1001], [PRESENT]), "customer_id": (["c2"], [PRESENT]),
    "drivers__rate": ([0.5], [PRESENT]), "customers__spend": ([0.0], [PRESENT])})

# Services: by the registry, and by name alone.
keys = [{"driver_id": 1001, "customer_id": "c-ü1"}]
ranking = {"driver_id": ([1001], [PRESENT]), "customer_id": (["c-ü1"], [PRESENT]),
           "spend": ([12.5], [PRESENT]), "rate": ([0.5], [PRESENT]), "city": (["Zürich"], [PRESENT])}
service = fs.get_feature_service("ranking")
expect("service", read(service, keys)[0], ranking)
expect("service by name alone", read(FeatureService(name="ranking", features=[]), keys)[0], ranking)
expect("service's views", [(p.name, [f.name for f in p.features]) for p in service.feature_view_projections],
       [("customers", ["spend"]), ("drivers", ["rate", "city"])])

# Mistakes are exceptions of Feast's, at once: a 5xx would be sent four times.
raises("unknown view", "FeatureViewNotFoundException", lambda: read(["none:x"], [{"driver_id": 1}]), "none")
raises("unknown feature", "FeastObjectNotFoundException", lambda: read(["drivers:none"], [{"driver_id": 1}]), "none")
raises("absent key", "FeastError", lambda: read(["pairs:n"], [{"driver_id": 1}]), "customer_id")
raises("key of another type", "FeastError", lambda: read(["drivers:rate"], [{"driver_id": 1001.5}]), "1001.5")
raises("unknown service", "FeatureServiceNotFoundException", lambda: fs.get_feature_service("none"), "none")
raises("unknown view of the registry", "FeatureViewNotFoundException", lambda: fs.get_feature_view("none"), "none")
raises("unknown entity", "EntityNotFoundException", lambda: fs.get_entity("none"), "none")

# What the registry tells.
drivers = fs.get_feature_view("drivers")
expect("view", (drivers.name, drivers.entities, drivers.ttl.total_seconds(), drivers.online), ("drivers", ["driver_id"], 7 * 86400.0, True))
expect("view's schema", [(f.name, str(f.dtype)) for f in drivers.features], [
    ("rate", "Float64"), ("acc", "Float64"), ("trips", "Int64"), ("city", "String"), ("active", "Bool"),
    ("tags", "Array(String)"), ("shape", "Array(Float64)")])
expect("another view's schema", [(f.name, str(f.dtype)) for f in fs.get_feature_view("customers").features], [("spend", "Float32"), ("tier", "String")])
expect("view's keys", [(f.name, str(f.dtype)) for f in drivers.entity_columns], [("driver_id", "Int64")])
expect("view's sources", (type(drivers.batch_source), drivers.batch_source.timestamp_field, type(drivers.stream_source), drivers.stream_source.name),
       (FileSource, "ts", PushSource, "drivers"))
expect("entity", (fs.get_entity("zone").join_key, fs.get_entity("zone").value_type), ("zone", ValueType.INT32))
expect("lists", ([v.name for v in fs.list_feature_views()], [e.name for e in fs.list_entities()], [s.name for s in fs.list_feature_services()],
                 len(fs.list_on_demand_feature_views()), len(fs.list_stream_feature_views()), fs.project),
       (["customers", "drivers", "pairs", "zones"], ["customer_id", "driver_id", "zone"], ["ranking"], 0, 0, "conformance"))
expect("any view", fs.get_feature_view("pairs") == fs.registry.get_any_feature_view("pairs", "conformance"), True)
expect("by tag", [v.name for v in fs.list_feature_views(tags={"quern_version": drivers.tags["quern_version"]})], ["drivers"])
expect("refreshed", fs.refresh_registry(), None)
raises("registry is read only", "RpcError", lambda: fs.registry.delete_entity("zone", "conformance"), "")

# The SDK cannot read an empty list: it looks for the type of its first element.
# Writes: they are there when the call is back, the newest event time wins, nulls stay.
now, hour = pd.Timestamp(fresh), pd.Timedelta(hours=1)
rows = pd.DataFrame({
    "driver_id": [2001, 1001], "rate": [0.75, None], "acc": [1.5, 2.5], "trips": [11, 12], "city": ["Oslo", "Bern"],
    "active": [True, False], "tags": [["x"], ["y", "z"]], "shape": [[1.0], [2.0, 3.0]], "ts": [now, now + hour]})
fs.write_to_online_store("drivers", rows)
written = {"rate": ([0.75, None], [PRESENT, NULL]), "acc": ([1.5, 2.5], [PRESENT] * 2), "trips": ([11, 12], [PRESENT] * 2),
           "city": (["Oslo", "Bern"], [PRESENT] * 2), "active": ([True, False], [PRESENT] * 2), "tags": ([["x"], ["y", "z"]], [PRESENT] * 2),
           "shape": ([[1.0], [2.0, 3.0]], [PRESENT] * 2)}
got = read(every, {"driver_id": [2001, 1001]})[0]
expect("write_to_online_store", {k: v for k, v in got.items() if k != "driver_id"}, written)
older = rows.assign(city="older", ts=now - hour)
fs.write_to_online_store("drivers", older)
expect("older rows lose", read(["drivers:city"], {"driver_id": [2001, 1001]})[0]["city"], written["city"])
fs.push("drivers", rows.assign(city=["Rome", "Rome"], ts=now + 2 * hour), to=PushMode.ONLINE)
expect("push", read(["drivers:city"], {"driver_id": [2001, 1001]})[0]["city"], (["Rome", "Rome"], [PRESENT] * 2))
fs.write_to_online_store("pairs", pd.DataFrame({"driver_id": [9], "customer_id": ["new"], "n": [5], "ts": [now]}))
expect("composite write", read(["pairs:n"], [{"driver_id": 9, "customer_id": "new"}])[0]["n"], ([5], [PRESENT]))
raises("unknown push source", "PushSourceNotFoundException", lambda: fs.push("none", rows), "none")

# Feast's own gRPC clients, of its serving service and of feast listen.
channel = grpc.insecure_channel(address)
serving, listening = ServingServiceStub(channel), GrpcFeatureServerStub(channel)
asked = GetOnlineFeaturesRequest(features={"val": ["zones:load"]}, entities={"zone": {"val": [Value(int32_val=-5), Value(int32_val=7)]}})
answer = serving.GetOnlineFeatures(asked)
expect("gRPC", ([v.WhichOneof("val") for v in answer.results[1].values], answer.results[1].values[0].int32_val, list(answer.results[1].statuses),
                answer.results[1].event_timestamps[0].ToJsonString(), list(answer.metadata.feature_names.val)),
       (["int32_val", None], 1, [PRESENT, MISSING], fresh, ["zone", "load"]))
expect("gRPC of feast listen", listening.GetOnlineFeatures(asked), answer)
expect("serving info", serving.GetFeastServingInfo(GetFeastServingInfoRequest()).version != "", True)
at = (now + 3 * hour).isoformat()
expect("a row of texts", listening.WriteToOnlineStore(WriteToOnlineStoreRequest(
    features={"zone": "8", "load": "80", "event_timestamp": at}, feature_view_name="zones")).status, True)
expect("a row of values", listening.Push(PushRequest(
    typed_features={"zone": Value(int32_val=9), "load": Value(int32_val=90), "ts": Value(string_val=at)}, stream_feature_view="zones", to="online")).status, True)
expect("rows of feast listen", read(["zones:load"], {"zone": [8, 9]})[0]["load"], ([80, 90], [PRESENT] * 2))
raises("gRPC without a view", "RpcError", lambda: serving.GetOnlineFeatures(GetOnlineFeaturesRequest(features={"val": ["none:x"]})), "NOT_FOUND")

# A token: Feast's SDK sends it with both protocols.
known = store(guarded, auth={"type": "oidc", "token": token})
expect("reads with a token", read(["zones:load"], [{"zone": -5}], at=known)[0]["load"], ([1], [PRESENT]))
raises("reads what the token does not grant", "FeastPermissionError", lambda: read(["drivers:rate"], [{"driver_id": 1}], at=known))
expect("sees what the token grants", [v.name for v in known.list_feature_views()], ["zones"])
raises("does not see the rest", "FeatureViewNotFoundException", lambda: known.get_feature_view("drivers"))
unknown = store(guarded)
raises("no token, HTTP", "Exception", lambda: read(["zones:load"], [{"zone": -5}], at=unknown), "")
raises("no token, gRPC", "RpcError", lambda: unknown.list_feature_views(), "UNAUTHENTICATED")

print(json.dumps(checks))
