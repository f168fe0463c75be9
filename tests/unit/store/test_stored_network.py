"""A network is what its card says, or it is refused in one line; never a silent wrong number."""

from __future__ import annotations

import hashlib
import os
import re
import shutil
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np
import onnx
import pytest
from tiny_networks import grid_network, write_tiny

from inversion.core import ConfigurationError, Features, InversionError, ModelError, Parameter, ParameterSpace
from inversion.engines.network import Network
from inversion.store.card import read_card, write_card
from inversion.store.network import SHIPPED, network_folder, shipped_networks


@dataclass(frozen=True)
class Twice:
    """Twice x, the smallest model there is."""

    high: float = 10.0
    observables: tuple[str, ...] = ("u",)
    channels: tuple[str, ...] = ()

    @property
    def space(self):
        return ParameterSpace((Parameter("x", "m", 0.0, self.high, "any"),))

    def floor(self, conditions):
        return np.zeros(1)

    def observe(self, frames):
        nothing = np.zeros((0, len(self.observables)))
        return Features(nothing, nothing, nothing, np.zeros((0, 1)), (), ())

    def simulate(self, theta, conditions):
        return 2.0 * theta


@pytest.fixture(scope="module")
def original(tmp_path_factory):
    folder = tmp_path_factory.mktemp("networks") / "tiny_v1"
    write_tiny(folder, Twice(), grid_network(Twice(), cells=50))
    return folder


@pytest.fixture
def folder(original, tmp_path):
    return shutil.copytree(original, tmp_path / "tiny_v1")


def refused(folder: Path, model=None) -> str:
    with pytest.raises(InversionError) as caught:
        Network(folder).bind(model or Twice())
    assert isinstance(caught.value, (ModelError, ConfigurationError))
    assert "\n" not in str(caught.value)
    return str(caught.value)


def rewritten(folder: Path, data: bytes, **changes) -> None:
    """`full.onnx` replaced, and the card told of it, so that only what is inside can give it away."""
    (folder / "full.onnx").write_bytes(data)
    card = read_card(folder / "card.toml")
    changed = replace(card.network, **changes)
    sha256 = {**card.sha256, "full": hashlib.sha256(data).hexdigest()}
    write_card(replace(card, network=changed, sha256=sha256), folder / "card.toml")


def changed_model(folder: Path, change) -> bytes:
    model = onnx.load(folder / "full.onnx")
    change(model)
    return model.SerializeToString()


def test_a_good_one_answers(folder):
    Network(folder).bind(Twice())
    Network(folder, precision="adaptive").bind(Twice())


def test_a_changed_or_truncated_graph_is_not_the_one_that_the_card_describes(folder):
    data = (folder / "full.onnx").read_bytes()
    (folder / "full.onnx").write_bytes(data[:-10])
    told = rf"{folder}/full.onnx: not the file that card.toml describes: sha256 \w{{16}}, expected \w{{16}}"
    assert re.fullmatch(told, refused(folder))


def test_a_truncated_graph_with_a_card_that_fits_is_refused_too(folder):
    rewritten(folder, (folder / "full.onnx").read_bytes()[:-10])
    assert "full.onnx: is truncated or no ONNX file" in refused(folder)


def test_a_foreign_file_is_refused(folder):
    rewritten(folder, b"\x80\x04\x95 a pickle, which nobody loads")
    assert "full.onnx: is truncated or no ONNX file" in refused(folder)


def test_an_absent_graph_is_said(folder):
    (folder / "full.onnx").unlink()
    assert refused(folder) == f"{folder}/full.onnx: cannot be read: No such file or directory"


def test_nan_weights_are_refused(folder):
    def spoil(model):
        tensor = next(each for each in model.graph.initializer if each.data_type == onnx.TensorProto.FLOAT)
        tensor.raw_data = np.full(len(tensor.raw_data) // 4, np.nan, np.float32).tobytes()

    rewritten(folder, changed_model(folder, spoil))
    assert "has a number that is not finite" in refused(folder)


def test_numbers_that_overflow_only_when_run_are_refused(folder):
    """Finite weights whose product is not: only trying it shows."""

    def spoil(model):
        for node in model.graph.node:
            if "latent" in node.output:
                huge = onnx.numpy_helper.from_array(np.float32(3e38), "huge")
                model.graph.initializer.append(huge)
                model.graph.node.append(onnx.helper.make_node("Mul", ["huge", "huge"], ["inf"]))
                model.graph.node.append(onnx.helper.make_node("Add", [node.input[0], "inf"], ["latent"]))
                model.graph.node.remove(node)
                return

    rewritten(folder, changed_model(folder, spoil))
    assert "answers a row of zeros with what is no number" in refused(folder)


def test_an_operator_set_too_new_is_refused(folder):
    def newer(model):
        model.opset_import[0].version = 99

    rewritten(folder, changed_model(folder, newer), opset=99)
    assert "full.onnx: operator set 99, expected at most" in refused(folder)


def test_an_operator_set_other_than_the_cards_is_refused(folder):
    rewritten(folder, (folder / "full.onnx").read_bytes(), opset=13)
    assert "operator set 17, card.toml says 13" in refused(folder)


def test_another_length_of_the_input_is_refused(folder):
    def longer(model):
        model.graph.input[0].type.tensor_type.shape.dim[1].dim_value = 7

    rewritten(folder, changed_model(folder, longer))
    told = "expected one input features float32 (n, 5), found features float32 (n, 7)"
    assert refused(folder).endswith(told)


def test_a_fixed_number_of_windows_is_refused(folder):
    def fixed(model):
        model.graph.input[0].type.tensor_type.shape.dim[0].dim_value = 1

    rewritten(folder, changed_model(folder, fixed))
    assert "found features float32 (1, 5)" in refused(folder)


def test_other_outputs_are_refused(folder):
    def renamed(model):
        model.graph.output[1].name = "hidden"
        model.graph.node[-1].output[0] = "hidden"

    rewritten(folder, changed_model(folder, renamed))
    assert "expected outputs quantiles float32 (n, 1, 15), latent float32 (n, 1), found" in refused(folder)


def test_quantiles_that_fall_are_refused(folder):
    def falling(model):
        for node in model.graph.node:
            if "quantiles" in node.output:
                model.graph.node.append(onnx.helper.make_node("Neg", [node.input[0]], ["quantiles"]))
                model.graph.node.remove(node)
                return

    rewritten(folder, changed_model(folder, falling))
    assert "its quantiles do not rise" in refused(folder)


def test_a_graph_that_onnxruntime_refuses_is_one_line(folder):
    def broken(model):
        model.graph.node[0].op_type = "NoSuchOperator"

    rewritten(folder, changed_model(folder, broken))
    assert "full.onnx: onnxruntime refuses it: " in refused(folder)


def test_a_file_beyond_all_bounds_is_refused_unread(folder):
    with (folder / "full.onnx").open("r+b") as file:
        file.truncate(1 << 30)  # sparse: takes no space
    assert "full.onnx: 1073741824 bytes, expected at most" in refused(folder)


def test_what_is_no_file_is_not_waited_for(folder):
    """A pipe never begins, a device never ends."""
    (folder / "full.onnx").unlink()
    os.mkfifo(folder / "full.onnx")
    assert "full.onnx: expected a regular file" in refused(folder)
    (folder / "full.onnx").unlink()
    (folder / "full.onnx").symlink_to("/dev/zero")
    assert "full.onnx: expected a regular file" in refused(folder)


def test_a_graph_with_names_that_are_no_text_is_one_line_and_prints_nothing(folder, capfd):
    """onnxruntime says so on standard output, and tries again, where it is not told to leave that."""
    data = (folder / "full.onnx").read_bytes()
    at = data.index(b"features")  # as a node names what it takes
    rewritten(folder, data[:at] + b"\xff" + data[at + 1 :])
    assert "full.onnx: " in refused(folder)
    assert capfd.readouterr().out == ""


def test_a_network_for_other_ranges_names_both(folder):
    told = refused(folder, Twice(high=8.0))
    assert "tiny_v1 was trained for x from 0 to 10 m, Twice has x from 0 to 8 m" in told


def test_a_network_for_other_observables_names_both_fingerprints(folder):
    own = read_card(folder / "card.toml").network.fingerprint
    told = refused(folder, Twice(observables=("v",)))
    assert re.search(rf"trained for a twice of fingerprint {own}, this Twice has \w{{16}}$", told)


def test_a_model_that_cannot_observe_nothing_is_refused_in_one_line(folder):
    @dataclass(frozen=True)
    class Careless(Twice):
        def observe(self, frames):
            return Features(np.array([]), np.array([]), np.array([]), np.zeros((0, 1)), (), ())

    assert refused(folder, Careless()).startswith("Careless: observe([]) must give features of no frames, it fails: ")


def test_a_network_of_another_encoding_is_refused(folder):
    rewritten(folder, (folder / "full.onnx").read_bytes(), encoding="raw/0")
    assert "trained on features encoded by 'raw/0'" in refused(folder)


def test_a_card_that_claims_another_length_is_refused(folder):
    rewritten(folder, (folder / "full.onnx").read_bytes(), inputs=6)
    assert "takes 6 numbers a window, Twice is encoded in 5" in refused(folder)


def test_a_name_that_is_no_network_is_refused_where_the_option_stands(tmp_path):
    with pytest.raises(ValueError, match=r"network must be a folder with a card\.toml or one of those shipped"):
        Network(tmp_path / "nothing_v1")


def test_shipped_networks_are_found_by_name_wherever_the_site_lies():
    for name in shipped_networks():
        assert network_folder(Path("/anywhere") / name) == SHIPPED / name
