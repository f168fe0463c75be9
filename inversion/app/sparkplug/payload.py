"""Sparkplug B payloads, by the protobuf library from a description in code: no generated file, no compiler.

Source: Sparkplug 3.0.0, 6.4 (data types: 6.4.16); the fields that are used here, with the numbers given there.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from functools import cache
from typing import Any

from google.protobuf import descriptor_pb2, descriptor_pool, message_factory
from google.protobuf.message import DecodeError

INT64, DOUBLE, BOOLEAN, STRING, DATETIME = 4, 10, 11, 12, 13
_FIELD = {INT64: "long_value", DOUBLE: "double_value", BOOLEAN: "boolean_value", STRING: "string_value"}
_FIELD[DATETIME] = "long_value"
_LARGEST = 65536  # bytes of a command that are looked at

#: By message: name, number, type, whether repeated; a type that is no scalar is a message of ours.
_MESSAGES: Mapping[str, tuple[tuple[str, int, str, bool], ...]] = {
    "PropertyValue": (
        ("type", 1, "uint32", False),
        ("is_null", 2, "bool", False),
        ("string_value", 8, "string", False),
    ),
    "PropertySet": (("keys", 1, "string", True), ("values", 2, "PropertyValue", True)),
    "Metric": (
        ("name", 1, "string", False),
        ("alias", 2, "uint64", False),
        ("timestamp", 3, "uint64", False),
        ("datatype", 4, "uint32", False),
        ("is_historical", 5, "bool", False),
        ("is_null", 7, "bool", False),
        ("properties", 9, "PropertySet", False),
        ("int_value", 10, "uint32", False),
        ("long_value", 11, "uint64", False),
        ("float_value", 12, "float", False),
        ("double_value", 13, "double", False),
        ("boolean_value", 14, "bool", False),
        ("string_value", 15, "string", False),
    ),
    "Payload": (("timestamp", 1, "uint64", False), ("metrics", 2, "Metric", True), ("seq", 3, "uint64", False)),
}


@dataclass(frozen=True)
class Metric:
    """One value by name. value: None where there is none; time_ms: since 1970, UTC; unit: told at birth, where given"""

    name: str
    datatype: int
    value: Any
    time_ms: int
    unit: str = ""
    historical: bool = field(default=False, compare=False)


def encoded(metrics: Iterable[Metric], time_ms: int, seq: int | None, birth: bool = False) -> bytes:
    """The bytes of a message. seq: 0 to 255, None in a death certificate"""
    payload = _classes()["Payload"](timestamp=time_ms)
    if seq is not None:
        payload.seq = seq
    for each in metrics:
        metric = payload.metrics.add(name=each.name, timestamp=each.time_ms, datatype=each.datatype)
        if each.historical:
            metric.is_historical = True
        if each.value is None:
            metric.is_null = True
        else:
            setattr(metric, _FIELD[each.datatype], each.value)
        if birth and each.unit:
            metric.properties.keys.append("engUnit")
            metric.properties.values.add(type=STRING, string_value=each.unit)
    return bytes(payload.SerializeToString())


def asks_for_rebirth(message: bytes) -> bool:
    """Whether a command to a node asks it to be born again; bytes that are no message ask for nothing."""
    if len(message) > _LARGEST:
        return False
    payload = _classes()["Payload"]()
    try:
        payload.ParseFromString(message)
    except DecodeError:
        return False
    return any(each.name == "Node Control/Rebirth" and each.boolean_value for each in payload.metrics)


@cache
def _classes() -> Mapping[str, Any]:
    kinds = descriptor_pb2.FieldDescriptorProto
    file = descriptor_pb2.FileDescriptorProto(name="sparkplug_b.proto", package="inversion.sparkplug", syntax="proto2")
    for message, fields in _MESSAGES.items():
        described = file.message_type.add(name=message)
        for name, number, kind, repeated in fields:
            label = kinds.LABEL_REPEATED if repeated else kinds.LABEL_OPTIONAL
            if kind in _MESSAGES:
                whose = f".inversion.sparkplug.{kind}"
                described.field.add(name=name, number=number, label=label, type=kinds.TYPE_MESSAGE, type_name=whose)
            else:
                described.field.add(name=name, number=number, label=label, type=getattr(kinds, f"TYPE_{kind.upper()}"))
    pool = descriptor_pool.DescriptorPool()
    pool.Add(file)
    found = {name: pool.FindMessageTypeByName(f"inversion.sparkplug.{name}") for name in _MESSAGES}
    return {name: message_factory.GetMessageClass(each) for name, each in found.items()}
