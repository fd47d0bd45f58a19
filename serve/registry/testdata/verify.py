"""Reads messages of the registry's calls with Feast's own classes.

argv[1] is a JSON list of {"call", "request", "reply"}, the messages in hex. Prints a list
with, for each, the messages in protobuf's text form; whether the classes know all of the
fields; and whether they write the same bytes.
"""
import importlib.util
import json
import sys
import types

# Feast's classes of messages without the rest of Feast, which takes seconds to load.
where = importlib.util.find_spec("feast").submodule_search_locations
sys.modules["feast"] = types.ModuleType("feast")
sys.modules["feast"].__path__ = list(where)

from google.protobuf import text_format, unknown_fields
from google.protobuf.message import Message
from google.protobuf.empty_pb2 import Empty
from feast.protos.feast.core import (DataSource_pb2, Entity_pb2, FeatureService_pb2,
                                     FeatureView_pb2, Project_pb2)
from feast.protos.feast.registry import RegistryServer_pb2 as pb

methods = pb.DESCRIPTOR.services_by_name["RegistryServer"].methods_by_name
modules = [pb, DataSource_pb2, Entity_pb2, FeatureService_pb2, FeatureView_pb2, Project_pb2]


def new(descriptor):
    if descriptor.name == "Empty":
        return Empty()
    return next(getattr(m, descriptor.name) for m in modules if hasattr(m, descriptor.name))()


def strange(message):
    """Whether a message has fields that its class does not know, at any depth."""
    if len(unknown_fields.UnknownFieldSet(message)):
        return True
    for _, value in message.ListFields():
        for one in value if hasattr(value, "add") else [value]:
            if isinstance(one, Message) and strange(one):
                return True
    return False


def read(descriptor, text):
    message = new(descriptor)
    message.ParseFromString(bytes.fromhex(text))
    return {
        "text": text_format.MessageToString(message, as_one_line=True),
        "known": not strange(message),
        "same": message.SerializeToString(deterministic=True).hex() == text,
    }


out = []
for case in json.loads(sys.argv[1]):
    method = methods[case["call"]]
    out.append({
        "request": read(method.input_type, case["request"]),
        "reply": read(method.output_type, case["reply"]),
    })
print(json.dumps(out))
