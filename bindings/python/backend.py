"""A build backend (PEP 517) that needs nothing but Python: CMake builds the package from the
repository's root, with libweir in it, and this packs a wheel.

    pip install ./bindings/python

needs no network, but a C compiler, CMake 3.25, Ninja and the development packages of SQLite, zstd
and xxHash. The wheel links those three libraries, and works on machines that have them.
"""
import base64
import hashlib
import os
import re
import shutil
import subprocess
import sys
import sysconfig
import tempfile
import zipfile

HERE = os.path.dirname(os.path.abspath(__file__))
ROOT = os.path.dirname(os.path.dirname(HERE))
LIMITED = (3, 11)  # the first whose limited API is enough; see binding.h


def _version():
    with open(os.path.join(ROOT, "CMakeLists.txt"), encoding="utf-8") as file:
        return re.search(r"^project\(weir VERSION ([\d.]+)", file.read(), re.M).group(1)


def _tag():
    """What the wheel runs on: this machine's system, and all versions from 3.11 on or this one."""
    platform = sysconfig.get_platform().replace("-", "_").replace(".", "_")
    if sys.implementation.name != "cpython" or sysconfig.get_config_var("Py_GIL_DISABLED"):
        raise SystemExit("weir is for CPython with its global lock")
    version = f"cp{sys.version_info[0]}{sys.version_info[1]}"
    if sys.version_info >= LIMITED:
        return f"cp{LIMITED[0]}{LIMITED[1]}-abi3-{platform}"
    return f"{version}-{version}-{platform}"


def _metadata():
    return (f"Metadata-Version: 2.1\nName: weir\nVersion: {_version()}\n"
            "Summary: Rows from many threads, kept across any crash, in SQLite exactly once\n"
            "License: MIT\nRequires-Python: >=3.9\n")


def _run(*command):
    done = subprocess.run(command, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True)
    print(done.stdout)
    if done.returncode:
        raise SystemExit(f"failed: {' '.join(command)}")


def _build(folder):
    """The folder with the package weir."""
    _run("cmake", "-S", ROOT, "-B", folder, "-G", "Ninja", "-DCMAKE_BUILD_TYPE=Release",
         "-DWEIR_PYTHON=ON", "-DWEIR_TESTS=OFF", "-DWEIR_EXAMPLES=OFF",
         f"-DPython3_EXECUTABLE={sys.executable}")
    _run("cmake", "--build", folder, "--target", "weir_python")
    return os.path.join(folder, "bindings", "python", "weir")


def _record_line(name, data):
    digest = base64.urlsafe_b64encode(hashlib.sha256(data).digest()).rstrip(b"=").decode()
    return f"{name},sha256={digest},{len(data)}\n"


def _pack(package, path, info):
    files = {f"weir/{name}": os.path.join(package, name) for name in sorted(os.listdir(package))
             if not name.startswith("__pycache__")}
    contents = {}
    for name, source in files.items():
        with open(source, "rb") as file:
            contents[name] = file.read()
    with open(os.path.join(ROOT, "LICENSE"), "rb") as file:
        contents[f"{info}/LICENSE"] = file.read()
    contents[f"{info}/METADATA"] = _metadata().encode()
    contents[f"{info}/WHEEL"] = ("Wheel-Version: 1.0\nGenerator: weir\nRoot-Is-Purelib: false\n"
                                 f"Tag: {_tag()}\n").encode()
    record = "".join(_record_line(n, d) for n, d in contents.items()) + f"{info}/RECORD,,\n"
    contents[f"{info}/RECORD"] = record.encode()
    with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED) as wheel:
        for name, data in contents.items():
            entry = zipfile.ZipInfo(name)
            entry.compress_type = zipfile.ZIP_DEFLATED
            entry.external_attr = (0o755 if name.endswith(".so") else 0o644) << 16
            wheel.writestr(entry, data)


# ---- what pip calls ------------------------------------------------------------------------------

def get_requires_for_build_wheel(config_settings=None):
    return []


def get_requires_for_build_sdist(config_settings=None):
    return []


def build_wheel(wheel_directory, config_settings=None, metadata_directory=None):
    name = f"weir-{_version()}-{_tag()}.whl"
    folder = tempfile.mkdtemp()
    try:
        _pack(_build(folder), os.path.join(wheel_directory, name), f"weir-{_version()}.dist-info")
    finally:
        shutil.rmtree(folder)
    return name


class UnsupportedOperation(Exception):
    """PEP 517's name for it."""


def build_sdist(sdist_directory, config_settings=None):
    raise UnsupportedOperation("the source of this package is the whole repository")
