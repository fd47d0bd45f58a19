
import base64, sys

def bit(words, i):
    return bool(words[i // 64] >> np.uint64(i % 64) & np.uint64(1))

def show(typ, x):
    if typ == 1:
        return bool(x)
    if typ in (4, 5):
        return str(int(x.view("<u4" if typ == 4 else "<u8")))
    return str(int(x))

def table(path):
    kind, rows, schema, blocks = read(open(path, "rb").read())
    out = [None] * len(schema["columns"])
    valid, per = {}, (rows + 63) // 64
    state = {}
    for role, typ, first, count, block in blocks:
        if role == 1:
            for k in range(count):
                valid[first + k] = block[k * per:(k + 1) * per]
        elif role == 2:
            for k in range(count):
                out[first + k] = [show(typ, x) for x in block[k]]
        elif role == 3:
            state[first] = {"typ": typ, "offsets": block}
        elif role == 4:
            o = state[first]["offsets"]
            raw = block.tobytes()
            out[first] = [base64.b64encode(raw[o[r]:o[r + 1]]).decode() for r in range(rows)]
        elif role == 5:
            state[first]["valid"] = block
        elif role == 6:
            state[first]["items"] = [show(typ, x) for x in block]
        elif role == 7:
            state[first]["inner"] = block
        elif role == 8:
            o, raw = state[first]["inner"], block.tobytes()
            state[first]["items"] = [base64.b64encode(raw[o[k]:o[k + 1]]).decode() for k in range(len(o) - 1)]
        if role in (6, 8):
            s = state[first]
            items = [x if "valid" not in s or bit(s["valid"], k) else None for k, x in enumerate(s["items"])]
            o = s["offsets"]
            out[first] = [items[o[r]:o[r + 1]] for r in range(rows)]
    for c in valid:
        out[c] = [x if bit(valid[c], r) else None for r, x in enumerate(out[c])]
    return out

print(json.dumps([table(p) for p in sys.argv[1:]]))
