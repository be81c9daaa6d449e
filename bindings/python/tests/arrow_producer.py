"""A small producer of Arrow's C data interface, in ctypes: arrays, tables and streams whose release
callbacks are counted. Written from the interface's specification, not from the consumer."""
import ctypes
from ctypes import CFUNCTYPE, POINTER, c_char_p, c_int, c_int64, c_void_p, py_object


class Schema(ctypes.Structure):
    pass


class Array(ctypes.Structure):
    pass


class Stream(ctypes.Structure):
    pass


RELEASE_SCHEMA = CFUNCTYPE(None, POINTER(Schema))
RELEASE_ARRAY = CFUNCTYPE(None, POINTER(Array))
RELEASE_STREAM = CFUNCTYPE(None, POINTER(Stream))
Schema._fields_ = [("format", c_char_p), ("name", c_char_p), ("metadata", c_char_p),
                   ("flags", c_int64), ("n_children", c_int64),
                   ("children", POINTER(POINTER(Schema))), ("dictionary", POINTER(Schema)),
                   ("release", RELEASE_SCHEMA), ("private_data", c_void_p)]
Array._fields_ = [("length", c_int64), ("null_count", c_int64), ("offset", c_int64),
                  ("n_buffers", c_int64), ("n_children", c_int64), ("buffers", POINTER(c_void_p)),
                  ("children", POINTER(POINTER(Array))), ("dictionary", POINTER(Array)),
                  ("release", RELEASE_ARRAY), ("private_data", c_void_p)]
GET_SCHEMA = CFUNCTYPE(c_int, POINTER(Stream), POINTER(Schema))
GET_NEXT = CFUNCTYPE(c_int, POINTER(Stream), POINTER(Array))
LAST_ERROR = CFUNCTYPE(c_void_p, POINTER(Stream))
Stream._fields_ = [("get_schema", GET_SCHEMA), ("get_next", GET_NEXT), ("last_error", LAST_ERROR),
                   ("release", RELEASE_STREAM), ("private_data", c_void_p)]

_capsule = ctypes.pythonapi.PyCapsule_New
_capsule.restype = py_object
_capsule.argtypes = [c_void_p, c_char_p, c_void_p]

released = {"schema": 0, "array": 0, "stream": 0}
alive = []  # structs, buffers and callbacks, for as long as the test runs


@RELEASE_SCHEMA
def release_schema(schema):
    released["schema"] += 1
    schema.contents.release = RELEASE_SCHEMA(0)


@RELEASE_ARRAY
def release_array(array):
    released["array"] += 1
    array.contents.release = RELEASE_ARRAY(0)


@RELEASE_STREAM
def release_stream(stream):
    released["stream"] += 1
    stream.contents.release = RELEASE_STREAM(0)


def bitmap(bits):
    out = bytearray(len(bits) // 8 + 1)
    for i, bit in enumerate(bits):
        out[i // 8] |= bool(bit) << (i % 8)
    return bytes(out)


def keep(thing):
    alive.append(thing)
    return thing


def make_schema(format, name="", children=(), dictionary=None):
    schema = keep(Schema(format=format.encode(), name=name.encode(), n_children=len(children)))
    schema.children = keep((POINTER(Schema) * max(1, len(children)))(*map(ctypes.pointer, children)))
    if dictionary is not None:
        schema.dictionary = ctypes.pointer(dictionary)
    schema.release = release_schema
    return schema


def make_array(length, buffers, offset=0, nulls=0, children=(), dictionary=None):
    """buffers: bytes, or None for one that is missing."""
    array = keep(Array(length=length, null_count=nulls, offset=offset, n_buffers=len(buffers),
                       n_children=len(children)))
    held = [b if b is None else keep(ctypes.create_string_buffer(b, max(1, len(b)))) for b in buffers]
    array.buffers = keep((c_void_p * max(1, len(held)))(
        *[None if b is None else ctypes.addressof(b) for b in held]))
    array.children = keep((POINTER(Array) * max(1, len(children)))(*map(ctypes.pointer, children)))
    if dictionary is not None:
        array.dictionary = ctypes.pointer(dictionary)
    array.release = release_array
    return array


class ArrowArray:
    """What offers __arrow_c_array__."""

    def __init__(self, schema, array):
        self.schema, self.array = schema, array

    def __arrow_c_array__(self, requested_schema=None):
        return (_capsule(ctypes.addressof(self.schema), b"arrow_schema", None),
                _capsule(ctypes.addressof(self.array), b"arrow_array", None))


class ArrowStream:
    """What offers __arrow_c_stream__; fails after its arrays when told to."""

    def __init__(self, schema, arrays, fails=False):
        left = list(arrays)

        def get_schema(stream, out):
            out[0] = schema
            return 0

        def get_next(stream, out):
            if left:
                out[0] = left.pop(0)
                return 0
            if fails:
                return 5
            out[0].release = RELEASE_ARRAY(0)
            return 0

        self.text = keep(ctypes.create_string_buffer(b"the producer has no more"))
        self.stream = keep(Stream(
            get_schema=keep(GET_SCHEMA(get_schema)), get_next=keep(GET_NEXT(get_next)),
            last_error=keep(LAST_ERROR(lambda stream: ctypes.addressof(self.text)))))
        self.stream.release = release_stream

    def __arrow_c_stream__(self, requested_schema=None):
        return _capsule(ctypes.addressof(self.stream), b"arrow_array_stream", None)
