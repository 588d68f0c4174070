"""What looks like a secret in plain text. Used to refuse it in templates, and to mask it in what is shown."""

from __future__ import annotations

import re

_SECRET = frozenset(
    {"password", "passwd", "passphrase", "secret", "secrets", "token", "apikey", "credential", "credentials"}
)
_KEY = frozenset({"key", "keys"})
_ABOUT = frozenset(
    {
        "algorithm",
        "audience",
        "count",
        "enabled",
        "expiry",
        "file",
        "header",
        "host",
        "id",
        "issuer",
        "length",
        "lifetime",
        "mount",
        "name",
        "namespace",
        "path",
        "port",
        "prefix",
        "ref",
        "required",
        "rotation",
        "scope",
        "size",
        "store",
        "timeout",
        "ttl",
        "type",
        "uri",
        "url",
        "version",
    }
)
"""With one of these at its end a name is about a secret, and not the secret."""
_SWITCH = frozenset({"", "true", "false", "yes", "no", "on", "off", "none", "enabled", "disabled"})
_WORDS = re.compile(r"[A-Z]+(?![a-z])|[A-Z]?[a-z]+|\d+")
_REFERENCE = re.compile(r"\$\([A-Za-z_][-A-Za-z0-9_.]*\)|\$\{?[A-Za-z_][A-Za-z0-9_]*\}?")

SHAPES = {
    "AWS access key": r"(?:AKIA|ASIA)[A-Z0-9]{16}",
    "GitHub token": r"gh[pousr]_[A-Za-z0-9]{36,}|github_pat_[A-Za-z0-9_]{22,}",
    "GitLab token": r"glpat-[-\w]{20,}",
    "Slack token": r"xox[abeprs]-[-A-Za-z0-9]{10,}",
    "Stripe key": r"[rs]k_(?:live|test)_[A-Za-z0-9]{16,}",
    "API key": r"sk-[-\w]{20,}|AIza[-\w]{35}|SG\.[-\w]{16,}\.[-\w]{16,}",
    "registry token": r"npm_[A-Za-z0-9]{36}|pypi-[-\w]{50,}|dckr_pat_[-\w]{20,}",
    "Vault token": r"hvs\.[-\w]{20,}",
    "JSON Web Token": r"eyJ[-\w]{8,}\.eyJ[-\w]{8,}\.[-\w]*",
    "private key": r"-----BEGIN (?:[A-Z]+ )*PRIVATE KEY-----",
}
"""What secrets of well-known kinds look like, by their kind; in the syntax of `re` and of RE2."""
_SHAPES = re.compile("|".join(SHAPES.values()), re.ASCII)
_IN_ADDRESS = re.compile(r"(?<=://)([^\s/:@]{0,256}):([^\s/@]{1,256})@")
_ASSIGNED = re.compile(
    r"""(?i)([-\w.]{0,64}(?:passw(?:or)?d|passphrase|secret|token|key|credentials?|authorization)["']?\s{0,4}[:=]\s{0,4}["']?(?:bearer\s|basic\s)?)[^\s"',;&]{1,512}"""
)
_LONG = re.compile(
    r"(?<![\w/.:-])(?=[^\s]{0,512}\d)(?=[^\s]{0,512}[A-Za-z])[A-Za-z0-9+/_=-]{32,512}(?![\w.-])", re.ASCII
)

MASK = "***"


def secret_name(name: str) -> bool:
    """Whether what has this name (`DB_PASSWORD`, `apiKey`, `--token`) is a secret."""
    words = [word.lower() for word in _WORDS.findall(name)]
    if not words or "public" in words or words[-1] in _ABOUT:
        return False
    return bool(_SECRET & set(words)) or words[-1] in _KEY


def literal(value: str) -> bool:
    """Whether a value says something by itself: no reference to another variable, no switch."""
    return _REFERENCE.sub("", value).strip().lower() not in _SWITCH


def secret_shape(text: str) -> bool:
    """Whether a text has a well-known token, a private key, or a password in an address."""
    if _SHAPES.search(text):
        return True
    return any(literal(found.group(2)) for found in _IN_ADDRESS.finditer(text))


def secret_variable(name: str, value: str) -> bool:
    """Whether a variable with this name and value holds a secret in plain text."""
    return secret_shape(value) or (secret_name(name) and literal(value))


def masked(text: str) -> str:
    """The text without what looks like a secret. It cannot know every secret: show few lines, and only where needed."""
    text = _SHAPES.sub(MASK, text)
    text = _IN_ADDRESS.sub(rf"\1:{MASK}@", text)
    text = _ASSIGNED.sub(rf"\1{MASK}", text)
    return _LONG.sub(MASK, text)
