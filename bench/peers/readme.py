"""Renders bench/results/*.json as a Markdown table and puts it between two markers.

readme.py FILE      the lines between `<!-- bench -->` and `<!-- /bench -->` are replaced
readme.py           prints the table
readme.py --chart FILE.svg    draws rows per second, each workload on its own scale
"""

import glob
import json
import os
import sys

START, END = "<!-- bench -->", "<!-- /bench -->"
HERE = os.path.dirname(os.path.abspath(__file__))
ORDER = ["criteo", "criteo-materialised", "criteo-by-polars", "dense", "strings", "flights", "flights-csv"]
PEERS = [("Polars", "polars_"), ("DuckDB", "duckdb_"), ("pyarrow by hand", "pyarrow_"), ("scikit-learn", "sklearn_")]


def results():
    files = glob.glob(os.path.join(HERE, "..", "results", "*.json"))
    found = [json.load(open(f)) for f in files if not os.path.basename(f).startswith(("gpu-", "serving"))]
    return sorted(found, key=lambda r: ORDER.index(r["workload"]) if r["workload"] in ORDER else len(ORDER))


def cell(tools, prefix):
    """The best plan of one peer: how many times quern is faster, and its memory."""
    plans = [t for name, t in tools.items() if name.startswith(prefix)]
    if not plans:
        return "-"
    best = max(plans, key=lambda t: t["rows_per_s"])
    note = "" if best["rows"] == tools["quern"]["rows"] else f" (on {best['rows']:,} rows)"
    return f"{best['quern_is_faster']:.1f} x, {best['peak_bytes'] / 2**20:.0f} MiB{note}"


def table(found):
    lines = ["| workload | rows | quern | " + " | ".join(p for p, _ in PEERS) + " |", "|---|--:|--:|" + "--:|" * len(PEERS)]
    for r in found:
        q = r["tools"]["quern"]
        ours = f"{q['wall_s']:.2f} s, {q['rows_per_s'] / 1e6:.2f} M rows/s, {q['peak_bytes'] / 2**20:.0f} MiB"
        lines.append(f"| {r['workload']} | {r['rows']:,} | {ours} | " + " | ".join(cell(r["tools"], p) for _, p in PEERS) + " |")
    if found:
        r, v = found[0], found[0]["versions"]
        lines += ["", f"How many times faster quern is, and the peer's peak memory; the best plan of each, {r['threads']} threads, {r['date']}, "
                  f"{r['machine']['processor']}, {r['machine']['cores']} cores. Outputs were compared. "
                  f"Polars {v['polars']}, DuckDB {v['duckdb']}, pyarrow {v['pyarrow']}, scikit-learn {v['scikit-learn']}."]
    return "\n".join(lines)


def plans(tools):
    """quern and the best plan of each peer, with their names."""
    yield "quern", tools["quern"]
    for name, prefix in PEERS:
        found = [t for n, t in tools.items() if n.startswith(prefix)]
        if found:
            yield name, max(found, key=lambda t: t["rows_per_s"])


def chart(found):
    left, bars, row = 150, 520, 20
    y, body = 58, []
    for r in found:
        body.append(f'<text x="16" y="{y + 14}" font-weight="600">{r["workload"]}, {r["rows"]:,} rows</text>')
        y += 22
        shown = list(plans(r["tools"]))
        most = max(t["rows_per_s"] for _, t in shown)
        for name, t in shown:
            width = max(1.0, bars * t["rows_per_s"] / most)
            colour = "#d55e00" if name == "quern" else "#7f8fa6"
            body.append(f'<text x="{left - 8}" y="{y + 13}" text-anchor="end">{name}</text>'
                        f'<rect x="{left}" y="{y + 2}" width="{width:.1f}" height="14" rx="2" fill="{colour}"/>'
                        f'<text x="{left + width + 6:.1f}" y="{y + 13}" class="soft">{t["rows_per_s"] / 1e6:.2f} M rows/s, {t["peak_bytes"] / 2**20:,.0f} MiB</text>')
            y += row
        y += 10
    style = "text{fill:#1f2328}.soft{fill:#59636e}@media(prefers-color-scheme:dark){text{fill:#e6edf3}.soft{fill:#9198a1}}"
    head = (f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 860 {y}" width="860" height="{y}" font-family="system-ui, sans-serif" font-size="12">'
            f"<style>{style}</style>" '<text x="16" y="26" font-size="16" font-weight="600">Fit, transform and write: rows per second</text>'
            '<text x="16" y="44" class="soft">the best plan of each tool, two threads; longer is faster</text>')
    return "\n".join([head, *body, "</svg>"]) + "\n"


def main():
    if sys.argv[1:2] == ["--chart"]:
        with open(sys.argv[2], "w") as f:
            f.write(chart(results()))
        return
    text = table(results())
    if len(sys.argv) == 1:
        print(text)
        return
    path = sys.argv[1]
    page = open(path).read()
    if START not in page or END not in page:
        sys.exit(f"{path} has no lines {START} and {END}")
    before, rest = page.split(START, 1)
    with open(path, "w") as f:
        f.write(before + START + "\n" + text + "\n" + END + rest.split(END, 1)[1])


main()
