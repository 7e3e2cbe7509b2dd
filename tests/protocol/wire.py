"""BuildKit's messages for Google's protobuf, the judge of our own encoding: public field numbers, declared here."""

from google.protobuf import descriptor_pb2, descriptor_pool, message_factory

KINDS = {"string": 9, "bytes": 12, "int64": 3, "int32": 5, "uint32": 13, "bool": 8, "enum": 5}
MESSAGES = {  # name: {field: (number, type or message, repeated)}
    "Timestamp": {"seconds": (1, "int64"), "nanos": (2, "int32")},
    "Vertex": {
        "digest": (1, "string"), "inputs": (2, "string", "*"), "name": (3, "string"), "cached": (4, "bool"),
        "started": (5, "Timestamp"), "completed": (6, "Timestamp"), "error": (7, "string"),
    },
    "VertexStatus": {
        "ID": (1, "string"), "vertex": (2, "string"), "name": (3, "string"), "current": (4, "int64"), "total": (5, "int64"),
        "timestamp": (6, "Timestamp"), "started": (7, "Timestamp"), "completed": (8, "Timestamp"),
    },
    "VertexLog": {"vertex": (1, "string"), "timestamp": (2, "Timestamp"), "stream": (3, "int64"), "msg": (4, "bytes")},
    "Position": {"line": (1, "int32"), "character": (2, "int32")},
    "Range": {"start": (1, "Position"), "end": (2, "Position")},
    "SourceInfo": {"filename": (1, "string"), "data": (2, "bytes")},
    "VertexWarning": {
        "vertex": (1, "string"), "level": (2, "int64"), "short": (3, "bytes"), "detail": (4, "bytes", "*"),
        "url": (5, "string"), "info": (6, "SourceInfo"), "ranges": (7, "Range", "*"),
    },
    "StatusResponse": {
        "vertexes": (1, "Vertex", "*"), "statuses": (2, "VertexStatus", "*"), "logs": (3, "VertexLog", "*"),
        "warnings": (4, "VertexWarning", "*"),
    },
    "Entry": {"key": (1, "string"), "value": (2, "bytes")},
    "Stat": {
        "path": (1, "bytes"), "mode": (2, "uint32"), "uid": (3, "uint32"), "gid": (4, "uint32"), "size": (5, "int64"),
        "modTime": (6, "int64"), "linkname": (7, "bytes"), "devmajor": (8, "int64"), "devminor": (9, "int64"),
        "xattrs": (10, "Entry", "*"),
    },
    "Packet": {"type": (1, "enum"), "stat": (2, "Stat"), "ID": (3, "uint32"), "data": (4, "bytes")},
    "Exporter": {"Type": (1, "string"), "Attrs": (2, "Entry", "*")},
    "SolveRequest": {
        "Ref": (1, "string"), "ExporterDeprecated": (3, "string"), "ExporterAttrsDeprecated": (4, "Entry", "*"),
        "Session": (5, "string"), "Frontend": (6, "string"), "FrontendAttrs": (7, "Entry", "*"),
        "Entitlements": (9, "string", "*"), "Exporters": (13, "Exporter", "*"),
    },
}


def google():
    """Classes of Google's protobuf for MESSAGES; proto3 in all but name, so that values of 0 are told from missing ones."""
    file = descriptor_pb2.FileDescriptorProto(name="judge.proto", package="judge", syntax="proto3")
    for name, declared in MESSAGES.items():
        message = file.message_type.add(name=name)
        for field, (number, kind, *repeated) in declared.items():
            added = message.field.add(name=field, number=number, label=3 if repeated else 1)
            if kind in KINDS:
                added.type = KINDS[kind]
            else:
                added.type, added.type_name = 11, f".judge.{kind}"
    pool = descriptor_pool.DescriptorPool()
    pool.Add(file)
    return {name: message_factory.GetMessageClass(pool.FindMessageTypeByName(f"judge.{name}")) for name in MESSAGES}


GOOGLE = google()
