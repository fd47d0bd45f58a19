import base64, json, struct, sys
import pyarrow as pa

def show(typ, x):
    if not x.is_valid:
        return None
    if pa.types.is_list(typ):
        return [show(typ.value_type, e) for e in x.values]
    if pa.types.is_float32(typ):
        return str(struct.unpack("<I", struct.pack("<f", x.as_py()))[0])
    if pa.types.is_float64(typ):
        return str(struct.unpack("<Q", struct.pack("<d", x.as_py()))[0])
    if pa.types.is_binary(typ):
        return base64.b64encode(x.as_py()).decode()
    if pa.types.is_string(typ) or pa.types.is_boolean(typ):
        return x.as_py()
    return str(x.value if hasattr(x, "value") else x.as_py())

out = []
for path in sys.argv[1:]:
    with pa.ipc.open_stream(open(path, "rb").read()) as reader:
        table = reader.read_all()
    table.validate(full=True)
    schema = table.schema
    out.append({
        "Model": (schema.metadata or {}).get(b"quern.model", b"").decode(),
        "Names": schema.names, "Types": [str(t) for t in schema.types],
        "Rows": [[show(schema.types[i], x) for x in column] for i, column in enumerate(table.columns)],
    })
print(json.dumps(out))
