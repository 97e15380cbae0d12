import pytest

from harness.modeling.bases import LoadedBases
from harness.records import ModelSpec
from harness.testing import MethodContract


class TestDora(MethodContract):
    name = "dora"


@pytest.fixture
def adapted(harness_registry, tiny_model):
    method = harness_registry.method("dora").plugin
    return method.adapt(LoadedBases().get(ModelSpec(str(tiny_model)), {}), method.Config())


def test_the_magnitude_starts_as_the_norm_of_each_row(adapted):
    import torch

    layers = [module for module in adapted.model.modules() if getattr(module, "lora_magnitude_vector", None)]
    assert len(layers) == 2 * (3 + 3)  # two layers of q, k, v and gate, up, down
    for layer in layers:
        norms = torch.linalg.norm(layer.get_base_layer().weight, dim=1)
        torch.testing.assert_close(layer.lora_magnitude_vector["default"].weight, norms)


def test_tuning_starts_from_the_base(adapted):
    import torch

    tokens = torch.arange(1, 20)[None]
    with torch.no_grad():
        after = adapted.model(tokens).logits
        with adapted.model.disable_adapter():
            before = adapted.model(tokens).logits
    torch.testing.assert_close(after, before)


def test_the_magnitude_is_trained(adapted):
    trained = {name for name, parameter in adapted.model.named_parameters() if parameter.requires_grad}
    assert {name.split(".")[-2 if name.endswith("weight") else -1] for name in trained} >= {"default"}
    assert sum("lora_magnitude_vector" in name for name in trained) == 12
    assert not any("base_layer" in name for name in trained)
