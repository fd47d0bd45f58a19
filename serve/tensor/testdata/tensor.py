import json, struct, zlib, numpy as np
TYPES = {1: "?", 2: "<i4", 3: "<i8", 4: "<f4", 5: "<f8", 7: "<i8", 8: "<i8", 9: "<i4"}

def read(b):
    magic, kind, layout, rows, length, columns, views, blocks, size = struct.unpack_from("<8sHHIQIIII", b)
    crc, = struct.unpack_from("<I", b, 60)
    if magic != b"QTENSOR\x01" or length != len(b) or crc != zlib.crc32(b[64:], zlib.crc32(b[:60])):
        raise ValueError("no tensor message")
    schema, out = json.loads(b[64 + 32*blocks:][:size]), []
    for i in range(blocks):
        role, typ, _, first, count, _, at, size = struct.unpack_from("<BBHIIIQQ", b, 64 + 32*i)
        dtype = {1: "<u8", 2: TYPES.get(typ), 3: "<u4", 5: "<u8", 6: TYPES.get(typ), 7: "<u4", 10: "<i8"}.get(role, "u1")
        block = np.frombuffer(b, dtype, size // np.dtype(dtype).itemsize, at)  # a view: nothing is copied
        if role == 2:
            block = block.reshape(count, rows) if layout == 0 else block.reshape(rows, count).T
        out.append((role, typ, first, count, block))
    return kind, rows, schema, out
