"""An ONNX file is read without the onnx package; what is no model, or not taken, is said in a phrase."""

from __future__ import annotations

from contextlib import suppress

import numpy as np
import onnx
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from onnx import TensorProto, helper, numpy_helper

from inversion.store.onnxfile import OnnxError, Port, read_graph

WEIGHTS = np.arange(12, dtype=np.float32).reshape(3, 4)


def made(weights=WEIGHTS, opset=17, domain="", nodes=None, raw=True):
    inputs = [helper.make_tensor_value_info("features", TensorProto.FLOAT, ["n", 3])]
    outputs = [helper.make_tensor_value_info("latent", TensorProto.FLOAT, ["n", 4])]
    number = (
        numpy_helper.from_array(weights, "w")
        if raw
        else helper.make_tensor("w", TensorProto.FLOAT, weights.shape, weights.ravel().tolist())
    )
    nodes = nodes or [
        helper.make_node("MatMul", ["features", "w"], ["h"]),
        helper.make_node("Relu", ["h"], ["latent"], domain=domain),
    ]
    opsets = [helper.make_opsetid("", opset)] + ([helper.make_opsetid(domain, 1)] if domain else [])
    graph = helper.make_graph(nodes, "g", inputs, outputs, [number])
    return helper.make_model(graph, opset_imports=opsets, producer_name="tests")


@pytest.mark.parametrize("raw", [True, False])
def test_what_the_onnx_package_wrote_is_read(raw):
    graph = read_graph(made(raw=raw).SerializeToString())
    assert graph.inputs == (Port("features", "float32", ("n", 3)),)
    assert graph.outputs == (Port("latent", "float32", ("n", 4)),)
    assert (graph.opset, graph.operators, graph.producer) == (17, {"MatMul": 1, "Relu": 1}, "tests")
    assert (graph.parameters, graph.sizes) == (12, {"float32": 48})


def test_numbers_in_nodes_and_inner_graphs_are_seen():
    inner = helper.make_graph(
        [helper.make_node("Constant", [], ["y"], value=numpy_helper.from_array(np.float32([np.nan]), "deep"))],
        "inner", [], [helper.make_tensor_value_info("y", TensorProto.FLOAT, [1])],
    )  # fmt: skip
    node = helper.make_node("If", ["features"], ["latent"], then_branch=inner, else_branch=inner)
    with pytest.raises(OnnxError, match="not finite in 'deep'"):
        read_graph(made(nodes=[node]).SerializeToString())


@pytest.mark.parametrize("value", [np.nan, np.inf, -np.inf])
@pytest.mark.parametrize("raw", [True, False])
def test_a_number_that_is_not_finite_is_refused(value, raw):
    weights = WEIGHTS.copy()
    weights[1, 2] = value
    with pytest.raises(OnnxError, match="a number that is not finite in 'w'"):
        read_graph(made(weights, raw=raw).SerializeToString())


def test_operators_of_others_are_refused():
    with pytest.raises(OnnxError, match=r"uses operators of com\.acme"):
        read_graph(made(domain="com.acme").SerializeToString())


def test_operators_of_others_are_refused_also_where_nothing_says_that_they_are_used():
    """onnxruntime knows some of them without being told."""
    model = made()
    model.graph.node[1].domain = "com.microsoft"
    with pytest.raises(OnnxError, match=r"uses operators of com\.microsoft"):
        read_graph(model.SerializeToString())


@pytest.mark.parametrize("operator", ["Loop", "Scan", "RandomUniformLike", "ConstantOfShape", "Tile"])
def test_operators_that_need_not_end_or_take_all_memory_are_refused(operator):
    """Inside a branch too."""
    inner = helper.make_graph(
        [helper.make_node(operator, ["features"], ["y"])], "inner", [],
        [helper.make_tensor_value_info("y", TensorProto.FLOAT, [1])],
    )  # fmt: skip
    branch = helper.make_node("If", ["features"], ["latent"], then_branch=inner, else_branch=inner)
    for node in (branch, helper.make_node(operator, ["features"], ["latent"])):
        with pytest.raises(OnnxError, match=f"uses {operator}: loops, chance and arrays of any size"):
            read_graph(made(nodes=[node]).SerializeToString())


def test_functions_of_its_own_are_refused():
    model, opsets = made(), [helper.make_opsetid("", 17)]
    model.functions.append(
        helper.make_function("", "Twice", ["a"], ["b"], [helper.make_node("Add", ["a", "a"], ["b"])], opsets)
    )
    with pytest.raises(OnnxError, match="functions of its own"):
        read_graph(model.SerializeToString())


@pytest.mark.parametrize("value", [{"value_float": np.nan}, {"value_floats": [1.0, np.inf]}])
def test_a_number_in_an_attribute_that_is_not_finite_is_refused(value):
    nodes = [helper.make_node("Constant", [], ["latent"], **value)]
    with pytest.raises(OnnxError, match=f"not finite in an attribute '{next(iter(value))}'"):
        read_graph(made(nodes=nodes).SerializeToString())


def test_numbers_in_other_files_are_refused():
    """Such a file would read whatever path it names."""
    model = made()
    tensor = model.graph.initializer[0]
    tensor.data_location = TensorProto.EXTERNAL
    tensor.external_data.add(key="location", value="/etc/passwd")
    with pytest.raises(OnnxError, match="numbers of 'w' in another file"):
        read_graph(model.SerializeToString())


def test_fewer_bytes_than_numbers_are_refused():
    model = made()
    model.graph.initializer[0].raw_data = model.graph.initializer[0].raw_data[:-4]
    with pytest.raises(OnnxError, match="'w' has 44 bytes for 12 numbers"):
        read_graph(model.SerializeToString())


@pytest.mark.parametrize("data", [b"", b"\x00", b"PK\x03\x04 a zip", b"\x80\x04\x95 a pickle", b"hello, world" * 50])
def test_what_is_no_model_is_refused(data):
    with pytest.raises(OnnxError):
        read_graph(data)


@given(st.data())
@settings(max_examples=300, deadline=None)
def test_any_damage_is_refused_or_read_but_never_another_error(data):
    """Bytes changed, and the end cut off."""
    whole = bytearray(made().SerializeToString())
    for at in data.draw(st.lists(st.integers(0, len(whole) - 1), max_size=4)):
        whole[at] = data.draw(st.integers(0, 255))
    cut = data.draw(st.integers(0, len(whole)))
    with suppress(OnnxError):
        read_graph(bytes(whole[:cut]))


def test_the_onnx_package_agrees_that_these_are_models():
    onnx.checker.check_model(made())
