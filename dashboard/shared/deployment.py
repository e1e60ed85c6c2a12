"""What this deployment allows, and which visitor is asking."""

import hashlib
import os
from dataclasses import replace

import streamlit as st

from dashboard.shared.language import tr
from vggcore.runs.limits import Limits


def limits() -> Limits:
    """From the environment and `.streamlit/secrets.toml`; secrets take precedence."""
    values = dict(os.environ)
    if st.secrets.load_if_toml_exists():
        values |= {key: str(value) for key, value in st.secrets.items()}
    return replace(Limits.read(values), address=st.context.ip_address or "")


def visitor() -> str:
    """Tells visitors apart for the queue, without storing their address."""
    address = st.context.ip_address or "this machine"
    return hashlib.sha256(address.encode()).hexdigest()[:16]


def ask_password(current: Limits, key: str) -> str:
    """On a public deployment, a field for the owner's password; returns what was typed."""
    if not current.public:
        return ""
    return st.text_input(tr("Password of this deployment's owner"), type="password", key=key)
