"""The composition root: settings → adapters → services, each made on first use.

So a command pays only for what it uses: ``ledger verify`` opens no AWS client, and ``--help`` nothing at all. Nothing
else knows the adapters.
"""

from rootkeeper.bootstrap.application import Application, load_user_settings

__all__ = ["Application", "load_user_settings"]
