"""Settings and chains: what an operator can change without touching code.

In: the environment, ``.env``, ``chains.toml``. Out: ``Settings`` and one ``Chain`` per company.
"""

from splitcart.config.addresses import is_address
from splitcart.config.chains import Chain, ChangeTime, get_chain, get_chains, read_chains
from splitcart.config.settings import DatabaseLimits, Settings, get_settings, read_settings

__all__ = [
    "Chain",
    "ChangeTime",
    "DatabaseLimits",
    "Settings",
    "get_chain",
    "get_chains",
    "get_settings",
    "is_address",
    "read_chains",
    "read_settings",
]
