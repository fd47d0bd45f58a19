"""Compiles the kernels of gpu/kernels to PTX with NVRTC and assembles them with ptxas.

usage: ptx.py [--check] [NAME ...]

Writes NAME.ptx and manifest.json; with --check writes nothing and fails where the
committed files differ from a fresh build. Every PTX is assembled for all ARCHITECTURES:
spills and local memory are errors. Bytes do not depend on the folder or the machine.
"""
import ctypes
import fcntl
import hashlib
import importlib.metadata
import json
import pathlib
import re
import signal
import subprocess
import sys
import tempfile

KERNELS = pathlib.Path("gpu/kernels")
FLAGS = ["--gpu-architecture=compute_75", "--fmad=false", "-std=c++17"]
ARCHITECTURES = ["sm_75", "sm_80", "sm_86", "sm_89", "sm_90"]
STRICT = ["-v", "--warn-on-spills", "--warn-on-local-memory-usage", "--warning-as-error"]


def package(name, file):
    """The path of a file of an installed package, and the package's version."""
    found = importlib.metadata.distribution(name)
    path = next(f for f in found.files if f.name == file)
    return str(found.locate_file(path)), found.version


def included(source):
    """The headers that a source takes in, directly or not: name -> bytes."""
    headers, todo = {}, [source]
    while todo:
        for name in re.findall(rb'^#include "(.*?)"', todo.pop(), re.M):
            name = name.decode()
            if name not in headers:
                headers[name] = (KERNELS / name).read_bytes()
                todo.append(headers[name])
    return headers


class Compiler:
    """NVRTC, called through ctypes."""

    def __init__(self):
        path, version = package("nvidia-cuda-nvrtc-cu12", "libnvrtc.so.12")
        self.lib = ctypes.CDLL(path)
        self.version = "NVRTC " + version

    def compile(self, name, source, headers):
        """The PTX of a source; exits with the compiler's words where there is none."""
        texts = lambda items: (ctypes.c_char_p * len(items))(*items)
        names = [n.encode() for n in headers]
        flags = [f.encode() for f in FLAGS]
        program = ctypes.c_void_p()
        self.must(self.lib.nvrtcCreateProgram(
            ctypes.byref(program), source, name.encode(), len(names), texts(list(headers.values())), texts(names)))
        signal.alarm(300)  # some sources send the compiler into an endless loop
        failed = self.lib.nvrtcCompileProgram(program, len(flags), texts(flags))
        signal.alarm(0)
        log = self.read(program, "ProgramLog").decode().strip()
        if failed or log:  # a warning is an error
            sys.exit(f"{name}: NVRTC says:\n{log}")
        return self.read(program, "PTX")

    def read(self, program, what):
        size = ctypes.c_size_t()
        self.must(getattr(self.lib, f"nvrtcGet{what}Size")(program, ctypes.byref(size)))
        room = ctypes.create_string_buffer(size.value)
        self.must(getattr(self.lib, f"nvrtcGet{what}")(program, room))
        return room.raw[: size.value - 1]  # without the NUL

    @staticmethod
    def must(status):
        if status:
            sys.exit(f"NVRTC: status {status}")


def assemble(name, ptx):
    """Runs ptxas for every architecture and returns "sm_75: 80 registers, ..."."""
    ptxas, _ = package("nvidia-cuda-nvcc-cu12", "ptxas")
    facts = []
    with tempfile.TemporaryDirectory() as folder:
        path = pathlib.Path(folder) / (name + ".ptx")
        path.write_bytes(ptx)
        for arch in ARCHITECTURES:
            run = subprocess.run([ptxas, *STRICT, "-arch=" + arch, "-o", "/dev/null", str(path)],
                                 capture_output=True, text=True)
            if run.returncode:
                sys.exit(f"{name}: ptxas {arch} says:\n{run.stdout}{run.stderr}")
            facts.append(f"{arch}: " + "/".join(re.findall(r"Used (\d+) registers", run.stderr)))
    return "registers " + ", ".join(facts)


def sha256(data):
    return hashlib.sha256(data).hexdigest()


def build(compiler, name):
    """The PTX of a kernel file and its entry in the manifest."""
    source = (KERNELS / (name + ".cu")).read_bytes()
    headers = included(source)
    ptx = compiler.compile(name + ".cu", source, headers)
    sources = {name + ".cu": source, **headers}
    entry = {
        "name": name,
        "entries": sorted(m.decode() for m in re.findall(rb"\.entry (\w+)", ptx)),
        "sources": {n: sha256(sources[n]) for n in sorted(sources)},
        "ptx": sha256(ptx),
    }
    return ptx, entry


def manifest_of(compiler, entries):
    ordered = sorted(entries, key=lambda e: e["name"])
    return json.dumps({"compiler": compiler.version, "flags": FLAGS, "kernels": ordered}, indent=2) + "\n"


def write(compiler, built, all_names):
    """Writes PTX and manifest; entries of kernels not built now are kept."""
    path = KERNELS / "manifest.json"
    with open("build/ptx/lock", "w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)  # two may build different kernels at once
        old = json.loads(path.read_text())["kernels"] if path.exists() else []
        entries = {e["name"]: e for e in old if e["name"] in all_names}
        for name, (ptx, entry) in built.items():
            (KERNELS / (name + ".ptx")).write_bytes(ptx)
            entries[name] = entry
        path.write_text(manifest_of(compiler, entries.values()))


def check(compiler, built, all_names):
    """Exits where the committed files are not what was built."""
    path = KERNELS / "manifest.json"
    committed = {e["name"]: e for e in json.loads(path.read_text())["kernels"]}
    stale = [name for name, (ptx, entry) in built.items()
             if committed.get(name) != entry or (KERNELS / (name + ".ptx")).read_bytes() != ptx]
    if set(committed) != set(all_names):
        stale.append("manifest.json")
    elif path.read_text() != manifest_of(compiler, committed.values()):
        stale.append("manifest.json")
    if stale:
        sys.exit("not what the sources give, run make ptx: " + " ".join(stale))


def main(arguments):
    all_names = sorted(p.stem for p in KERNELS.glob("*.cu"))
    names = [a for a in arguments if a != "--check"] or all_names
    compiler = Compiler()
    built = {}
    for name in names:
        built[name] = build(compiler, name)
        print(f"{name}: {assemble(name, built[name][0])}", flush=True)
    (check if "--check" in arguments else write)(compiler, built, all_names)


main(sys.argv[1:])
