"""Equations as docstrings have them, in readable ASCII, as TeX. No symbol is moved: a fraction stays `a / b`.

Names of the model are symbols, and so are single letters, Greek letters and whatever has an index; other words are
text. What the tokens do not cover is refused with `ValueError`: such a block is shown as it was typed.
"""

from __future__ import annotations

import re
from collections.abc import Collection
from itertools import groupby

GREEK = {
    "alpha", "beta", "gamma", "delta", "epsilon", "zeta", "eta", "theta", "kappa", "lambda", "mu", "nu", "xi", "pi",
    "rho", "sigma", "tau", "phi", "chi", "psi", "omega",
}  # fmt: skip
SPECIAL = {"sum": r"\sum", "lam": r"\lambda", "inf": r"\infty", "delta_T": r"\Delta_T"}
FUNCTIONS = {"exp", "tanh", "cosh", "sinh", "cos", "sin", "log", "min", "max", "arctan"}
NAMED_FUNCTIONS = {"sigmoid", "relu", "ReLU", "atan", "sign", "round", "floor", "clip", "softplus", "mean"}
SIGNS = {
    "<-": r"\leftarrow ", "->": r"\rightarrow ", ">=": r"\ge ", "<=": r"\le ", "...": r"\dots ", "*": r"\cdot ",
    "<": "<", ">": ">", "=": "=", "+": "+", "-": "-", "/": "/", "(": "(", ")": ")", "[": "[", "]": "]", "|": "|",
    ",": r",\;", ";": r";\;", ":": r":\;", ".": ".", "!": "!", "~": r"\sim ", "%": r"\%", "'": "'",
    "{": r"\{", "}": r"\}",
}  # fmt: skip
TOKEN = re.compile(
    r"""(?P<code>`[^`]*`)
      | (?P<gap>[ ]{2,})
      | (?P<space>[ ])
      | (?P<slope>d(?P<of>[A-Za-z]\w*)/dt\b)
      | (?P<number>\d+(?:\.\d+)?(?:e[+-]?\d+)?)
      | (?P<hat>[A-Za-z]\^(?=\[|[ ]|$))
      | (?P<name>[A-Za-z]\w*(?:'s\b)?)
      | (?P<power>\^)
      | (?P<sign><-|->|>=|<=|\.\.\.|[-+*/=<>()\[\]|,;:.!~%'{}])""",
    re.VERBOSE,
)


def tex(text: str, names: Collection[str] = ()) -> str:
    r"""Lines of equations as rows of TeX, aligned at their left.

    Raises: `ValueError` for a sign that is not known.

    >>> print(tex("tau_mem dv/dt = v_leak + i - v\nspike when v >= v_threshold, then v <- v_reset"))
    \begin{aligned}
    & \tau_{\mathrm{mem}}\,\frac{dv}{dt} = v_{\mathrm{leak}} + i - v \\
    & \text{spike when }v \ge v_{\mathrm{threshold}},\; \text{then }v \leftarrow v_{\mathrm{reset}}
    \end{aligned}
    """
    rows = [_row(line, names) for line in text.strip("\n").split("\n") if line.strip()]
    return "\\begin{aligned}\n" + " \\\\\n".join(f"& {row}" for row in rows) + "\n\\end{aligned}"


def symbol(name: str) -> str:
    r"""A name as a symbol with its index.

    >>> symbol("alpha_m"), symbol("m_inf"), symbol("tau_asc_1")
    ('\\alpha_{m}', 'm_{\\infty}', '\\tau_{\\mathrm{asc},1}')
    """
    if name in SPECIAL:
        return SPECIAL[name]
    base, *index = name.split("_")
    made = _letters(base)
    return made + (f"_{{{','.join(_letters(part) for part in index if part)}}}" if index else "")


def _letters(part: str) -> str:
    if part in GREEK:
        return rf"\{part}"
    if part in SPECIAL:
        return SPECIAL[part]
    return part if len(part) == 1 or part.isdigit() else rf"\mathrm{{{part}}}"


def _row(line: str, names: Collection[str]) -> str:
    tokens = _tokens(line.rstrip())
    made: list[tuple[bool, str]] = []  # whether it is text, and what
    closing: list[int] = []  # where exponents end
    before = ""  # the kind of the last token that was not a space
    for k, (kind, text) in enumerate(tokens):
        after = next((t for t in tokens[k + 1 :] if t[0] not in ("space", "gap")), ("end", ""))
        if kind == "space":
            made.append(_space(before, tokens[k - 1][1] if k else "", after, names))
        elif kind == "name" and _is_word(text, names, before, after):
            before = "word"
            made.append((True, text))
        else:
            made.append((False, _token(kind, text, after, names)))
            before = "" if kind == "gap" else kind
        if kind == "power":
            made.append((False, "{"))
            closing.append(_end_of_exponent(tokens, k + 1))
        made.extend((False, "}") for end in closing if end == k)
    parts = [
        (is_text, "".join(part for _, part in group)) for is_text, group in groupby(made, key=lambda each: each[0])
    ]
    joined = "".join(rf"\text{{{part}}}" if is_text else part for is_text, part in parts)
    return re.sub(" {2,}", " ", joined).strip()


def _space(before: str, last: str, after: tuple[str, str], names: Collection[str]) -> tuple[bool, str]:
    """A space: of a text beside a word, a thin one between factors."""
    call = ("sign", "(" if after[1] in NAMED_FUNCTIONS else "")
    beside = after[0] == "code" or (after[0] == "name" and _is_word(after[1], names, before, call))
    if before in ("word", "code") or (beside and before and last not in (",", ";", ":", "(")):
        return (True, " ")
    symbols = ("name", "number", "slope", "hat")
    return (False, r"\," if before in symbols and after[0] in symbols else " ")


def _end_of_exponent(tokens: list[tuple[str, str]], start: int) -> int:
    """The place of the last token of an exponent: one token, or all up to the bracket that closes it."""
    if start < len(tokens) and tokens[start][1] != "(":
        return start
    depth = 0
    for k in range(start, len(tokens)):
        depth += {"(": 1, ")": -1}.get(tokens[k][1], 0)
        if depth == 0:
            return k
    raise ValueError(f"an exponent that does not end, in {''.join(text for _, text in tokens)!r}")


def _tokens(line: str) -> list[tuple[str, str]]:
    found: list[tuple[str, str]] = []
    place = 0
    while place < len(line):
        match = TOKEN.match(line, place)
        if match is None:
            raise ValueError(f"{line[place]!r} in {line!r}")
        found.append((str(match.lastgroup if match.lastgroup != "of" else "slope"), match[0]))
        place = match.end()
    return found


def _is_word(text: str, names: Collection[str], before: str, after: tuple[str, str]) -> bool:
    plain = "_" not in text and not any(c.isdigit() for c in text)
    if not plain or text in FUNCTIONS or (text in NAMED_FUNCTIONS and after[1] in ("(", "[") and before != "word"):
        return False
    if text == "a":  # an article, where a word follows
        return before == "word" and after[0] == "name" and len(after[1]) > 1 and "_" not in after[1]
    known = len(text) == 1 or text in GREEK or text in SPECIAL or text in names
    return not known


def _token(kind: str, text: str, after: tuple[str, str], names: Collection[str]) -> str:
    if kind == "code":
        inner = text.strip("`").replace("_", r"\_").replace("^", r"\wedge ")
        return rf"\texttt{{{inner}}}"
    if kind == "gap":
        return r"\qquad "
    if kind == "slope":
        return rf"\frac{{d{symbol(text[1:-3])}}}{{dt}}"
    if kind == "hat":
        return rf"\hat{{{text[0]}}}"
    if kind == "name":
        if text in FUNCTIONS:
            return rf"\{text} " if after[1] != "(" else rf"\{text}"
        if text in NAMED_FUNCTIONS and text not in names:
            return rf"\operatorname{{{text}}}"
        return symbol(text)
    if kind == "power":
        return "^"
    if kind == "sign":
        return SIGNS[text]
    return text
