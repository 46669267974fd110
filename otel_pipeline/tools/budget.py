"""How many tokens a text costs a language model: an estimate on the safe side, without a tokenizer.

Tokenizers differ by vendor and fetch their vocabularies from the network; what is held here must hold offline, for any
of them. Byte-pair vocabularies of today's models (100,000 tokens and more) never join letters with digits or
punctuation, take a short English word as one token, digits in groups of up to three, and rarely spend more than two
tokens on a character outside Latin script. Hence, piece by piece: letters one for four, digits one for two,
punctuation one for two, other characters two each, a line break one; a single space belongs to the word behind it.
"""

import re

_PIECE = re.compile(r"([A-Za-z]+)|([0-9]+)|([^\x00-\x7f]+)|(\n+)|( )(?=\S)|(\s+)|([\x00-\x7f])", re.ASCII)
_LETTERS, _DIGITS, _WIDE, _BREAKS, _SPACE, _SPACES = range(1, 7)


def estimate(text: str) -> int:
    """Tokens of a text, rather too many than too few."""
    total = punctuation = 0
    for piece in _PIECE.finditer(text):
        kind, length = piece.lastindex, piece.end() - piece.start()
        if kind == _LETTERS:
            total += -(-length // 4)
        elif kind == _DIGITS:
            total += -(-length // 2)
        elif kind == _WIDE:
            total += 2 * length
        elif kind in (_BREAKS, _SPACES):
            total += 1
        elif kind != _SPACE:
            punctuation += 1
    return total + -(-punctuation // 2)
